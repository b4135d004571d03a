"""The sentences of a report, written once: the page, the Markdown and the terminal say the same."""

from __future__ import annotations

import math

from crossentropy.evaluation import Evaluation, ReliabilityBin, Repeats
from crossentropy.report._numbers import (
    INTERVAL,
    NBSP,
    between,
    count,
    equally_likely,
    figure,
    nats,
    percent,
    points,
    quoted,
)

# From this skill on, a model earns this word. The steps are a convention of this report, not of the field.
GRADES = ((0.9, "Very good"), (0.7, "Good"), (0.4, "Useful"), (0.1, "Weak"))
POINT = 0.9
# Of the rows about that point: how many are enough, how far off they may lie, how wide an interval still tells.
FEWEST, NEAR, WIDE = 20, 0.06, 0.25


def surely_knows(test: Evaluation) -> bool:
    """Return whether the interval of the skill lies above zero."""
    return test.skill_interval is not None and test.skill_interval.low > 0


def rows_of(test: Evaluation) -> str:
    """Return what an accuracy is a share of: the test rows, or their weight."""
    rows = count(test.rows, "test row")
    return f"the weight of {rows}" if test.weighted else rows


def grade(test: Evaluation) -> str:
    """Return how good the model is in one or two words."""
    if not math.isfinite(test.loss.value):
        return "Unusable as it stands"
    if test.skill is None:
        return "Cannot be judged"
    if test.skill <= 0:
        return "No skill"
    if not surely_knows(test):
        return "Not clear yet"
    return _graded(test.skill)


def verdict(test: Evaluation, target: str = "the class", repeats: Repeats | None = None) -> tuple[str, str]:
    """Return two sentences: how much the model knows, and how often it is right and whether to believe it.

    Where further splits were made, the first is of them all: it owes less to the luck of one.
    """
    first = f"{grade(test)}: {_knows(test, target)}"
    if repeats is not None and repeats.skill is not None and repeats.skill.low > 0:
        word = _graded(repeats.skill.value)
        known = percent(repeats.skill.value)
        own = "undefined" if test.skill is None else percent(test.skill)
        first = (
            f"{word}: over {count(repeats.splits, 'split')} the model explains {known} of what the class frequencies "
            f"leave open about {target}, in the one of this report {own}."
        )
    return first, f"{_right(test)}, and {trust(test)}."


def _graded(skill: float) -> str:
    return next((word for step, word in GRADES if skill >= step), "Barely any skill")


def _knows(test: Evaluation, target: str) -> str:
    if not math.isfinite(test.loss.value):
        return f"the loss is {figure(test.loss.value)}, because some test row was given no chance of being what it is."
    if test.skill is None:
        return "the test rows hold one class only, so there was nothing to tell apart."
    if test.skill <= 0:
        return f"the model tells no more about {target} than the class frequencies alone."
    if not surely_knows(test):
        return (
            f"the model may know more about {target} than the class frequencies, "
            f"but {count(test.rows, 'test row')} are too few to be sure."
            if test.rows < 1000
            else f"what the model knows about {target} beyond the class frequencies could be chance."
        )
    return (
        f"the model explains {percent(test.skill)} of what the class frequencies leave open about {target}."
    )


def _right(test: Evaluation) -> str:
    known = f"It labels {percent(test.accuracy.value)} of {rows_of(test)} correctly"
    return f"{known} (always saying {quoted(test.majority_class, 24)} would reach {percent(test.majority)})"


def bias(test: Evaluation) -> float:
    """Return mean confidence minus accuracy over the bins: above zero means too sure of itself."""
    rows = sum(b.rows for b in test.calibration.bins)
    gap = sum(b.rows * (b.confidence - b.accuracy.value) for b in test.calibration.bins)
    return gap / rows if rows else math.nan


def calibrated(test: Evaluation) -> bool | None:
    """Return whether the calibration error is no more than chance explains; None if it could not be measured."""
    error, noise = test.calibration.error, test.calibration.noise
    return error <= noise if math.isfinite(error) and math.isfinite(noise) else None


def mending_gains(test: Evaluation) -> bool:
    """Return whether the interval of what wrong confidence costs lies above zero."""
    return test.parts is not None and test.parts.miscalibration.low > 0


def trust(test: Evaluation) -> str:
    """Return, as the end of a sentence, whether its confidence can be believed."""
    state = calibrated(test)
    if state is None:
        return "whether its confidence can be believed could not be measured"
    if state and test.parts is not None and mending_gains(test):
        # the bins see the top label only, and too few rows each to notice what all rows together show
        return f"mending its confidence would gain {nats(test.parts.miscalibration.value)}"
    if state:
        return "nothing shows that its confidence is off"
    return f"{_direction(test)} by {points(test.calibration.error)} on average"


def _direction(test: Evaluation) -> str:
    error, lean = test.calibration.error, bias(test)
    if abs(lean) < error / 2:
        return "its confidence is off"
    return "it is too sure of itself," if lean > 0 else "it is less sure than it could be,"


def loss_words(test: Evaluation) -> str:
    """Return what the loss means, in one or two sentences."""
    loss = test.loss.value
    if not math.isfinite(loss):
        return (
            f"The mean loss is {figure(loss)}: a row whose true class was given probability 0 costs infinitely "
            "much, and no other row can make up for it."
        )
    return (
        f"On rows it has not seen, the model is as unsure as if it had to choose among {equally_likely(loss)} "
        f"equally likely classes (1 is certainty, {count(len(test.classes))} is a blind guess)."
    )


def interval_words(test: Evaluation) -> str:
    """Return the interval of the loss, if it has one."""
    if not math.isfinite(test.loss.low) or not math.isfinite(test.loss.high):
        return ""
    sentence = f"{INTERVAL} of the model’s loss: {between(test.loss)}{NBSP}nats."
    if test.groups is None:
        return sentence
    return (
        f"{sentence} Rows of a group are alike, so every interval is that of {count(test.groups, 'group')}."
    )


def skill_words(test: Evaluation) -> str:
    """Return the skill in words."""
    if test.skill is None:
        return "Skill is undefined: the test rows hold one class only, and nothing is left open about it."
    if not math.isfinite(test.skill):
        return "Skill is undefined, because the loss is not finite."
    interval = test.skill_interval
    within = ""
    if interval is not None and math.isfinite(interval.low) and math.isfinite(interval.high):
        within = f" ({INTERVAL} {between(interval, percent)})"
    return (
        f"Skill {percent(test.skill)}{within}: the part of H(y) = {nats(test.frequencies)}, the loss of someone "
        f"who knows only the class frequencies, that the model removes (0{NBSP}% is no better, 100{NBSP}% is certain "
        "and right)."
    )


def parts_words(test: Evaluation) -> str:
    """Return what the loss is made of: what is left open, what is known of it, and what wrong confidence costs."""
    parts = test.parts
    if parts is None:
        return ""
    known, lost = parts.discrimination, parts.miscalibration
    sentence = (
        f"Of the {nats(parts.uncertainty.value)} that the class frequencies leave open, its logits can tell "
        f"{nats(known.value)} ({INTERVAL} {between(known)})"
    )
    if not lost.low > 0:
        return (
            f"{sentence}. Mending its confidence would gain no more than chance: {nats(lost.value)} "
            f"({INTERVAL} {between(lost)})."
        )
    return (
        f"{sentence}; {nats(lost.value)} of that are lost again by confidence that is off "
        f"({INTERVAL} {between(lost)})."
    )


def rates_words(test: Evaluation) -> str:
    """Return the figures of labels and ranking that treat all classes alike, and the Brier score."""
    recall, f1, area = test.balanced_accuracy, test.macro_f1, test.auc
    ranking = ""
    if area is not None:
        ranking = f", AUC {figure(area.value)} ({between(area)})"
    return (
        f"With every class counted alike: balanced accuracy {percent(recall.value)} ({INTERVAL} "
        f"{between(recall, percent)}), F1 {percent(f1.value)} ({between(f1, percent)}){ranking}. Brier score "
        f"{figure(test.brier.value)} ({between(test.brier)})."
    )


def accuracy_words(test: Evaluation) -> str:
    """Return the accuracy with its interval against the simplest rule."""
    sentence = (
        f"{percent(test.accuracy.value)} of {rows_of(test)} {'is' if test.weighted else 'are'} labelled correctly "
        f"({INTERVAL} {between(test.accuracy, percent)}); always saying {quoted(test.majority_class, 24)} would "
        f"be correct for {percent(test.majority)}."
    )
    if test.accuracy.high < test.majority:
        return f"{sentence} That simple rule is better."
    if test.accuracy.low > test.majority or not math.isfinite(test.accuracy.low):
        return sentence
    return f"{sentence} The interval does not rule out that this simple rule is as good."


def calibration_words(test: Evaluation) -> str:
    """Return the calibration error beside its noise level."""
    error, noise = test.calibration.error, test.calibration.noise
    state = calibrated(test)
    if state is None:
        return "The calibration error could not be measured on these rows."
    figures = (
        f"Confidence and accuracy differ by {points(error)} on average; with {count(test.rows, 'test row')} "
        f"chance alone would show up to {points(noise)} even if every probability were right"
    )
    if state and mending_gains(test):
        return f"{figures}. So this figure cannot tell what the loss tells: that its confidence is off."
    if state:
        return f"{figures}. So nothing here speaks against its probabilities."
    return f"{figures}. So this is more than chance: {_direction(test).rstrip(',')}."


def near_point(test: Evaluation) -> ReliabilityBin | None:
    """Return the rows whose confidence lies about 90 %: between 85 and 95 %, or else the bin that is nearest."""
    if test.calibration.point is not None and test.calibration.point.rows >= FEWEST:
        return test.calibration.point
    bins = [b for b in test.calibration.bins if b.rows and math.isfinite(b.confidence)]
    return min(bins, key=lambda b: abs(b.confidence - POINT), default=None)


def point_words(test: Evaluation) -> str:
    """Say, for the confidence nearest to 90 %, how often it is right."""
    best = near_point(test)
    if best is None:
        return ""
    return (
        f"When it says about {percent(best.confidence)}, as it does for {count(best.rows, 'row')}, it is right in "
        f"{percent(best.accuracy.value)} of them ({INTERVAL} {between(best.accuracy, percent)})."
    )


def trust_words(test: Evaluation) -> str:
    """Answer, for the confidence nearest to 90 %, whether it can be trusted."""
    best = near_point(test)
    if best is None:
        return ""
    known = point_words(test)
    if not abs(best.confidence - POINT) <= NEAR:
        return f"It hardly ever says 90{NBSP}%. {known}"
    right = best.accuracy
    if best.confidence > right.high:
        return f"No, expect to be right less often. {known}"
    if best.confidence < right.low:
        return f"Yes, and more than that: it is right more often than it says. {known}"
    off = calibrated(test) is not True or mending_gains(test)
    if not right.high - right.low <= WIDE:
        told = (
            "These rows are too few to tell about there"
            if off
            else "Nothing speaks against it, though rows are few"
        )
        return f"{told}. {known}"
    if off:
        return f"Yes, about there; not at every confidence, as the figures below show. {known}"
    return f"Yes, as far as these rows can tell. {known}"
