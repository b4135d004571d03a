"""Parts of the rows that are harder: found where they are, and seldom where they are not."""

import numpy as np
import pytest

from crossentropy.evaluation import Part, find_slices


def parts(rng, n, columns=12, levels=4):
    found = []
    for c in range(columns):
        values = rng.integers(levels, size=n)
        found += [Part(values == v, f"column {c}", level=str(v)) for v in range(levels)]
    return found


def test_where_no_part_is_harder_any_is_told_in_one_report_of_twenty_at_most():
    rng = np.random.default_rng(0)
    told = 0
    for _ in range(200):
        losses = rng.exponential(size=300) ** 1.5
        told += bool(find_slices(losses, parts(rng, 300))[0])
    # 200 reports at 5 %: 10, and a binomial's 99.9 % point is 20
    assert told <= 20


def test_the_harder_part_is_found_and_told_by_its_own_figures():
    rng = np.random.default_rng(1)
    tried = parts(rng, 1000)
    losses = rng.exponential(size=1000) + 1.5 * tried[5].rows
    found, number = find_slices(losses, tried)
    assert number == len(tried)
    (one,) = found
    inside, outside = losses[tried[5].rows], losses[~tried[5].rows]
    assert (one.column, one.level, one.rows) == ("column 1", "1", len(inside))
    assert one.loss == pytest.approx(inside.mean())
    assert one.excess.value == pytest.approx(inside.mean() - outside.mean())
    assert 0 < one.excess.low < one.excess.value
    assert one.loss_share == pytest.approx(inside.sum() / losses.sum())
    # were the part as easy as the rest, the whole loss would be that of the rest
    assert one.fall == pytest.approx(1 - outside.mean() / losses.mean())


def test_the_most_excess_comes_first_and_the_same_rows_are_told_once():
    rng = np.random.default_rng(2)
    first, second = rng.random(4000) < 0.3, rng.random(4000) < 0.1
    losses = rng.exponential(size=4000) + 1.0 * first + 1.5 * second
    again = first & (rng.random(4000) < 0.9)
    tried = [Part(second, "small"), Part(again, "again"), Part(first, "large")]
    assert [part.column for part in find_slices(losses, tried)[0]] == ["large", "small"]


def test_rows_of_a_group_tell_no_more_than_it():
    rng = np.random.default_rng(3)
    part = np.repeat(rng.random(80) < 0.5, 25)
    groups = np.repeat(np.arange(80), 25)
    hits = [0, 0]
    for _ in range(60):
        losses = np.repeat(rng.exponential(size=80), 25)
        hits[0] += bool(find_slices(losses, [Part(part, "x")])[0])
        hits[1] += bool(find_slices(losses, [Part(part, "x")], groups=groups)[0])
    assert hits[0] > 20
    assert hits[1] <= 8


def test_weights_count_and_small_parts_and_infinite_losses_are_left_alone():
    rng = np.random.default_rng(4)
    part = rng.random(500) < 0.4  # so that the rest is more than half
    losses = rng.exponential(size=500) + part
    weights = np.where(part, 3.0, 1.0)
    (one,) = find_slices(losses, [Part(part, "x")], sample_weight=weights)[0]
    assert one.row_share == pytest.approx(3 * part.sum() / weights.sum())
    assert one.loss_share == pytest.approx(3 * losses[part].sum() / (weights @ losses))
    few = np.arange(500) < 29
    assert find_slices(losses + 9 * few, [Part(few, "x"), Part(~few, "y")]) == ((), 0)
    assert find_slices(losses + 9 * ~part, [Part(~part, "x")]) == ((), 0)
    assert find_slices(np.where(few, np.inf, losses), [Part(part, "x")]) == ((), 1)
    assert find_slices(np.zeros(500), [Part(part, "x")])[0] == ()
