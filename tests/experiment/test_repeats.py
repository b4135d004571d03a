"""The luck of the split: further splits are whole runs by other seeds, and the interval counts what they share."""

import numpy as np
import pytest
from scipy.stats import t as student

import crossentropy
from crossentropy.errors import ConfigError
from crossentropy.evaluation import repeated
from crossentropy.report import to_html, to_markdown, to_text
from tests.experiment.conftest import mixed_frame
from tests.report.pages import parse


@pytest.fixture(scope="module")
def small():
    return mixed_frame(150)


def test_further_splits_are_the_runs_of_the_next_seeds(small):
    settings = {"target": "kind", "id": "name", "drop": ["weight"], "C": 1.0}
    run = crossentropy.train(small, repeats=3, seed=5, **settings)
    alone = [crossentropy.train(small, seed=seed, **settings).summary.test for seed in (5, 6, 7, 8)]
    found = run.summary.repeats
    losses = [test.loss.value for test in alone]
    assert run.summary.test == alone[0]
    assert found.splits == 4
    assert found.loss.value == pytest.approx(np.mean(losses))
    assert found.skill.value == pytest.approx(np.mean([test.skill for test in alone]))
    assert found.accuracy.value == pytest.approx(np.mean([test.accuracy.value for test in alone]))
    assert (found.first, found.least, found.most) == pytest.approx((losses[0], min(losses), max(losses)))
    half = student.ppf(0.975, 3) * np.sqrt((1 / 4 + 30 / 120) * np.var(losses, ddof=1))
    assert found.loss.high - found.loss.value == pytest.approx(half, rel=0.02)
    said = f"Split, trained and tested 4 times, the loss is {found.loss.value:#.3g} nats on average"
    page = parse(to_html(run.summary)).find(id="loss")[0].text
    for text in (page, to_markdown(run.summary), to_text(run.summary)):
        assert said in " ".join(text.replace("\u00a0", " ").replace("\\", "").split())
    assert "times, the loss is" not in to_text(run.summary.model_copy(update={"repeats": None}))


def test_the_interval_covers_the_mean_of_all_tables():
    """Of a mean of 250 rows by random fifths: nearly always covered, where the naive interval almost never is."""
    rng = np.random.default_rng(0)
    covered, naive = 0, 0
    for _ in range(200):
        rows = rng.exponential(size=250)
        values = np.array([rng.choice(rows, 50, replace=False).mean() for _ in range(20)])
        found = repeated(values, 50, 200)
        covered += found.low <= 1.0 <= found.high
        naive += abs(values.mean() - 1.0) <= 1.96 * values.std(ddof=1) / np.sqrt(20)
    assert covered > 175
    assert naive < 130


def test_a_split_that_is_not_drawn_is_not_repeated(small):
    with pytest.raises(ConfigError, match="repeats splits anew at random, and time says which rows test"):
        crossentropy.train(small, target="kind", repeats=2, time="name")
    with pytest.raises(ConfigError, match="test and repeats were both given"):
        crossentropy.train(small, target="kind", repeats=2, test="x.csv")
    with pytest.raises(ConfigError, match="repeats"):
        crossentropy.train(small, target="kind", repeats=-1)
