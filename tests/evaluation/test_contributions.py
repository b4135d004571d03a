"""What a column is worth: nothing where it is not used, all where it is the only one, and intervals that cover."""

import numpy as np
import pytest

from crossentropy.evaluation import column_shares, losses_from_logits

SLOPES = np.array([2.0, 0.7, 0.0])


def rows(n, seed, k=3):
    """Logits that are a sum of parts, and targets drawn from them."""
    rng = np.random.default_rng(seed)
    directions = np.random.default_rng(9).normal(size=(3, k))
    directions -= directions.mean(axis=1, keepdims=True)
    x = rng.normal(size=(n, 3)) * SLOPES
    parts = [(name, x[:, [j]] * directions[j]) for j, name in enumerate("abc")]
    logits = sum(part for _, part in parts)
    return logits, parts, (logits + rng.gumbel(size=logits.shape)).argmax(axis=1)


def test_the_strongest_comes_first_and_an_unused_one_is_worth_exactly_nothing():
    found = column_shares(*rows(2000, 0))
    assert [column.name for column in found] == ["a", "b", "c"]
    assert found[0].worth.low > found[1].worth.high
    assert found[1].worth.low > 0
    assert found[2].worth.value == found[2].worth.low == found[2].worth.high == 0


def test_the_only_column_is_worth_more_than_the_whole_skill():
    """Without it the model is not silent but wrong: it says what holds of another row."""
    _, parts, targets = rows(4000, 1)
    only = parts[0][1]
    (found,) = column_shares(only, parts[:1], targets)
    assert found.share.value > 1
    loss, frequency = losses_from_logits(only, targets).mean(), np.bincount(targets) / 4000
    known = -(frequency @ np.log(frequency)) - loss
    assert found.share.value == pytest.approx(found.worth.value / known)


def test_repeated_rows_are_rows_of_weight_and_of_one_group():
    logits, parts, targets = rows(400, 2)
    whole = column_shares(logits, parts, targets, draws=200)[0]
    again = np.repeat(np.arange(400), 4)
    grouped = column_shares(
        logits[again],
        [(name, part[again]) for name, part in parts],
        targets[again],
        groups=again,
        draws=50,
    )[0]
    assert grouped.worth.value == pytest.approx(whole.worth.value, rel=0.03)
    assert grouped.worth.high - grouped.worth.low == pytest.approx(
        whole.worth.high - whole.worth.low, rel=0.1
    )
    counted = np.random.default_rng(0).integers(0, 3, 400).astype(float)
    heavy = column_shares(logits, parts, targets, sample_weight=counted)[0]
    assert heavy.worth.value == pytest.approx(whole.worth.value, rel=0.25)


def test_intervals_cover_about_as_often_as_they_say():
    truth = column_shares(*rows(200_000, 3))[0]
    hits = []
    for seed in range(150):
        found = next(column for column in column_shares(*rows(300, 100 + seed)) if column.name == "a")
        hits.append(
            [
                found.worth.low <= truth.worth.value <= found.worth.high,
                found.share.low <= truth.share.value <= found.share.high,
            ]
        )
    assert (np.mean(hits, axis=0) >= 0.89).all()


def test_an_infinite_loss_has_no_shares_and_no_knowledge_no_share():
    logits, parts, targets = rows(50, 4)
    logits[0, targets[0]] = -np.inf
    assert column_shares(logits, parts, targets) == ()
    logits, parts, _ = rows(50, 4)
    found = column_shares(logits, parts, np.zeros(50, np.int64))
    assert all(column.share is None for column in found)
