"""Two runs side by side in words: which one is better, or that nothing shows it, whatever the names hold."""

import numpy as np
import pytest

from crossentropy.evaluation import ChangedRow, compare_losses
from crossentropy.report import comparison_text, comparison_verdict
from tests.report.summaries import NASTY
from tests.report.test_text import holds_the_terminal


def compared(shift, names=("a", "b")):
    rng = np.random.default_rng(0)
    targets = np.arange(200) % 2
    first = rng.exponential(size=200)
    second = (
        first + shift * (1 + rng.normal(size=200)) + (0.1 * rng.normal(size=200) if shift == 0.001 else 0)
    )
    return compare_losses((first, second), (targets, 1 - targets), targets, names=names, classes=names)


@pytest.mark.parametrize(
    ("shift", "said"),
    [
        (0.5, "“a” is better than “b”: its loss is lower by 0."),
        (-0.5, "“b” is better than “a”: its loss is lower by 0."),
        (0.001, "Neither is shown to be better"),
        (0.0, "“a” and “b” lose the same on every row."),
    ],
)
def test_the_verdict_follows_the_interval(shift, said):
    assert said in comparison_verdict(compared(shift))


@pytest.mark.parametrize("name", NASTY)
def test_any_name_holds_the_terminal(name):
    row = ChangedRow(id=name, target=name, labels=(name, name), losses=(0.1, 30.0))
    found = compared(0.5, (name, "x" * 300)).model_copy(update={"changed": (row,)})
    holds_the_terminal(comparison_text(found))
