"""What to look at next: written rules over the figures, the most important first."""

from __future__ import annotations

import math
from collections.abc import Callable

from crossentropy.report._numbers import between, count, figure, listed, nats, percent, points, quoted, short
from crossentropy.report._source_words import precision_of, slice_name
from crossentropy.report._summary import Summary
from crossentropy.report._words import bias, calibrated, mending_gains, surely_knows

MOST = 4
# Test rows below which a skill may be lost in chance.
FEW = 1000
# The part of the loss from which on mending the confidence comes before all else; and that of the test loss which the
# loss on the training rows reaches where the model, and not the number of rows, is the limit.
MUCH, UNDER = 0.05, 0.9

# Kinds that may hold information and yet are not read.
_UNREAD_KINDS = frozenset({"text", "date", "other"})


def advise(summary: Summary) -> tuple[str, ...]:
    """Return at most four short sentences on what to look at next, the most important first."""
    found = (rule(summary) for rule in _RULES)
    return tuple([sentence for sentence in found if sentence is not None][:MOST])


def _infinite_loss(summary: Summary) -> str | None:
    if math.isfinite(summary.test.loss.value):
        return None
    return (
        f"The loss is {figure(summary.test.loss.value)}: find the rows whose true class got probability 0, and "
        "check their labels and the scale of the columns."
    )


def _one_class(summary: Summary) -> str | None:
    if summary.test.skill is not None:
        return None
    return f"The test rows hold only {quoted(summary.test.majority_class)}: test on rows of every class."


def _no_skill(summary: Summary) -> str | None:
    test = summary.test
    if test.skill is None or not math.isfinite(test.loss.value) or surely_knows(test):
        return None
    again = summary.repeats
    if again is not None and again.skill is not None and again.skill.low > 0:
        return None
    if again is None and test.skill > 0 and test.rows < FEW:
        return (
            f"{count(test.rows, 'test row')} are too few to tell whether the columns know anything about "
            f"{quoted(summary.target)} (skill {percent(test.skill)}): --repeats 20 tests on other rows each time."
        )
    return (
        f"The columns tell little or nothing about {quoted(summary.target)} (skill {percent(test.skill)}): look for "
        "columns that know more, or check that this is the column meant."
    )


def _too_good(summary: Summary) -> str | None:
    if summary.test.skill is None or summary.test.skill < 0.995:
        return None
    return (
        f"Skill {percent(summary.test.skill)} is rare: check that no column gives the answer away, such as one that is "
        "filled in only once the answer is known."
    )


def _not_optimal(summary: Summary) -> str | None:
    if summary.optimality.gap <= 1e-3:
        return None
    if not math.isfinite(summary.optimality.gap):
        return "How far the fit is from its minimum is unknown: scale the columns, or allow more iterations."
    return (
        f"The fit may be as much as {nats(summary.optimality.gap)} above its minimum "
        f"after {count(summary.optimality.n_iter, 'iteration')}: allow more of them."
    )


def _miscalibrated(summary: Summary) -> str | None:
    return _confidence(summary) if _mending(summary) >= MUCH else None


def _a_little_miscalibrated(summary: Summary) -> str | None:
    return _confidence(summary) if _mending(summary) < MUCH else None


def _mending(summary: Summary) -> float:
    """Return what part of the loss mending the confidence would gain; all of it where that is not known."""
    test = summary.test
    if test.parts is None or not test.loss.value > 0:
        return 1.0
    return test.parts.miscalibration.value / test.loss.value


def _confidence(summary: Summary) -> str | None:
    test = summary.test
    if calibrated(test) is not False:
        return None
    lean = "too sure" if bias(test) > 0 else "not sure enough"
    gain = ""
    if test.parts is not None and mending_gains(test):
        gain = f"; mending it would gain {nats(test.parts.miscalibration.value)}"
    return (
        f"Its confidence is off by {points(test.calibration.error)} on average, more than chance explains "
        f"({points(test.calibration.noise)}), mostly {lean}{gain}: see where in the reliability diagram."
    )


def _underfits(summary: Summary) -> str | None:
    loss, skill, own = summary.test.loss.value, summary.test.skill, summary.optimality.objective
    # of a mixture the fit is one part, and of class weights another mean
    if summary.parts or summary.temperature.corrected:
        return None
    if skill is None or skill >= 0.9 or not UNDER * loss <= own < math.inf:
        return None
    return (
        f"The loss is as high on the rows it was trained on ({nats(own)} with the penalty): more rows would change "
        "little; look for columns that know more, or let a network try: --model auto."
    )


def _wrong_labels(summary: Summary) -> str | None:
    labels = summary.labels
    if labels is None or labels.found < 3 or precision_of(labels) < 0.5:
        return None
    likely = count(round(min(labels.wrong.value, labels.contradicted.value)), "training label")
    worst = labels.pairs[0] if labels.pairs else None
    most = f", most often {quoted(worst.target)} that should be {quoted(worst.suggested)}" if worst else ""
    wrong = f"About {likely} of {labels.rows:,} are probably wrong{most}"
    return f"{wrong}: check the rows that are listed, then train again."


def _harder_part(summary: Summary) -> str | None:
    worst = next(iter(summary.slices), None)
    if worst is None or not worst.fall >= 0.05:
        return None
    return (
        f"Where {slice_name(worst)}, the rows are harder than the rest: {percent(worst.row_share)} of the rows carry "
        f"{percent(worst.loss_share)} of the loss. Look for columns that know more about them."
    )


def _no_better_than_majority(summary: Summary) -> str | None:
    test = summary.test
    if test.skill is None or test.skill <= 0 or test.accuracy.low > test.majority:
        return None
    return (
        f"Its labels are not clearly better than always saying {quoted(test.majority_class)} "
        f"({percent(test.majority)}): use its probabilities, with a threshold that suits the cost of each mistake."
    )


def _worst_rows(summary: Summary) -> str | None:
    test = summary.test
    if test.rows < 100 or not test.worst_share >= 0.2:
        return None
    return (
        f"The worst 1 % of the rows carry {percent(test.worst_share)} of the loss: look at those rows first; wrong "
        "labels and rare cases gather there."
    )


def _confused(summary: Summary) -> str | None:
    errors = sum(map(sum, summary.test.confusion)) - sum(
        row[i] for i, row in enumerate(summary.test.confusion)
    )
    pair = max(summary.test.confused, key=lambda p: p.rows, default=None)
    if pair is None or pair.rows < 3 or (pair.share < 0.05 and pair.rows < errors / 5):
        return None
    return (
        f"{quoted(pair.target)} is most often mistaken for {quoted(pair.label)} ({count(pair.rows, 'row')}, "
        f"{percent(pair.share)} of that class): look for a column that tells the two apart."
    )


def _rare_classes(summary: Summary) -> str | None:
    rare = [c.name for c in summary.test.by_class if 0 < c.rows < 10]
    if not rare or summary.test.rows < 30:
        return None
    verb = "has" if len(rare) == 1 else "have"
    return f"{listed(rare)} {verb} fewer than 10 test rows: gather more, or join classes."


def _left_out(summary: Summary) -> str | None:
    names = [c.name for c in summary.columns if not c.used and c.kind in _UNREAD_KINDS]
    if not names:
        return None
    return f"{listed(names)} {'was' if len(names) == 1 else 'were'} left out, and may hold information."


def _end_of_path(summary: Summary) -> str | None:
    values = [point.C for point in summary.penalty.path]
    if len(values) < 3 or min(values) < summary.penalty.C < max(values):
        return None
    side = "larger" if max(values) <= summary.penalty.C else "smaller"
    return f"C = {short(summary.penalty.C)} lies at the end of the values tried: try {side} ones."


def _few_rows(summary: Summary) -> str | None:
    test = summary.test
    if not test.accuracy.high - test.accuracy.low > 0.1:
        return None
    return (
        f"{count(test.rows, 'test row')} leave the accuracy anywhere from {between(test.accuracy, percent)}: four "
        "times as many would halve that range, and --repeats 20 tells how much is the luck of the split."
    )


_RULES: tuple[Callable[[Summary], str | None], ...] = (
    _infinite_loss,
    _one_class,
    _no_skill,
    _too_good,
    _not_optimal,
    _miscalibrated,
    _wrong_labels,
    _underfits,
    _no_better_than_majority,
    _harder_part,
    _worst_rows,
    _a_little_miscalibrated,
    _confused,
    _rare_classes,
    _left_out,
    _end_of_path,
    _few_rows,
)
