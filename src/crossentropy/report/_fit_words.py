"""The sentences on how a run was made: sizes, penalty, calibration, certificate."""

from __future__ import annotations

import math

from crossentropy.evaluation import Repeats
from crossentropy.report._numbers import INTERVAL, NBSP, between, count, figure, nats, percent, short
from crossentropy.report._summary import Optimality, Penalty, Summary, Temperature


def penalty_words(penalty: Penalty) -> str:
    """Return how C was chosen."""
    setting = f"C{NBSP}={NBSP}{short(penalty.C)}"
    meaning = "a larger C lets the model follow the training rows more closely"
    if not penalty.path:
        return f"{setting}, as given ({meaning})."
    return (
        f"{setting}, chosen among {count(len(penalty.path), 'value')} by the loss on held-out rows "
        f"({penalty.folds} folds; {meaning})."
    )


def temperature_words(temperature: Temperature) -> str:
    """Return what the temperature did."""
    if temperature.loss_before is None or temperature.loss_after is None:
        sentence = "Temperature 1: no row could be held out to fit another"
    elif temperature.value == 1:
        sentence = "Temperature 1: on held-out rows no other lowers the loss by more than chance"
    else:
        effect = "made the model less sure" if temperature.value > 1 else "made the model more sure"
        before, after = nats(temperature.loss_before), nats(temperature.loss_after)
        sentence = f"Temperature {figure(temperature.value)} {effect}"
        sentence += f": loss on held-out rows {before} before, {after} after"
    sentence += "."
    if temperature.corrected:
        sentence += (
            " The class weights of the fit were undone first, so that probabilities match true frequencies."
        )
    return " ".join(filter(None, [sentence, _forms_words(temperature)]))


_FORMS = {"vector": "a slope and an offset for each class", "matrix": "a matrix over the classes"}


def _forms_words(temperature: Temperature) -> str:
    """Return what richer calibration gains out of sample, and whether it is used."""
    told = {
        g.form: f"{_FORMS[g.form]} {'gains' if g.gain > 0 else 'loses'} {nats(abs(g.gain))} "
        f"(standard error {figure(g.standard_error)})"
        for g in temperature.gains
    }
    if not told:
        return ""
    if temperature.form in told:
        others = [text for form, text in told.items() if form != temperature.form]
        return (
            f"On rows held out from both, {', where '.join([told[temperature.form], *others])}: it is used."
        )
    return f"Richer calibration does not pay: on rows held out from both, {' and '.join(told.values())}."


def optimality_words(optimality: Optimality) -> str:
    """Return the certificate of the fit in words."""
    steps = count(optimality.n_iter, "iteration")
    if not math.isfinite(optimality.gap):
        return f"How far the fit is from its minimum could not be bounded ({steps})."
    if optimality.gap <= 0:
        return f"The fit reached its minimum, to the limit of the arithmetic ({steps})."
    # rounded up to a power of ten: still a bound, and the same on machines that round differently
    bound = 10.0 ** math.ceil(math.log10(optimality.gap) - 1e-9)
    return f"The fit is at most {nats(bound)} above the minimum that any weights could reach ({steps})."


def run_words(summary: Summary) -> str:
    """Return the sizes of the run."""
    return (
        f"{count(summary.rows_train, 'training row')}, {count(summary.rows_test, 'test row')}, "
        f"{count(summary.features, 'feature')}, {count(len(summary.test.classes), 'class', 'classes')}"
    )


def repeats_words(repeats: Repeats) -> str:
    """Return what the figures owe to the split."""
    skill = (
        ""
        if repeats.skill is None
        else f", skill {percent(repeats.skill.value)} ({between(repeats.skill, percent)})"
    )
    return (
        f"Split, trained and tested {count(repeats.splits)} times, the loss is {nats(repeats.loss.value)} on average "
        f"({INTERVAL} {between(repeats.loss)}, which counts the luck of the split), from {figure(repeats.least)} to "
        f"{figure(repeats.most)}; in the split of this report it is {figure(repeats.first)}. Accuracy "
        f"{percent(repeats.accuracy.value)} ({between(repeats.accuracy, percent)}){skill}."
    )
