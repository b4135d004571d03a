"""The sentences on what to decide: costs and thresholds."""

from __future__ import annotations

from crossentropy.evaluation import CostFigures, PositiveFigures
from crossentropy.report._numbers import INTERVAL, between, chance, count, figure, percent, quoted


def cost_words(costs: CostFigures) -> str:
    """Return what decisions cost, against the most probable labels and against a fixed one."""
    sentence = (
        f"The label whose expected cost is least comes to {figure(costs.cost.value)} a row ({INTERVAL} "
        f"{between(costs.cost)}), where the probabilities foresaw {figure(costs.expected)}; always saying "
        f"{quoted(costs.constant_class, 24)} would come to {figure(costs.constant)}. It is another label than the most "
        f"probable one for {count(costs.relabelled, 'row')}"
    )
    if not costs.relabelled:
        return f"{sentence}."
    saved = f"{figure(costs.saved.value)} a row ({INTERVAL} {between(costs.saved)})"
    return f"{sentence}; the saving is {saved}."


def positive_words(positive: PositiveFigures) -> str:
    """Return what the threshold that decides finds of the class to find."""
    at, name = positive.decided, quoted(positive.name, 24)
    why = "as the costs ask" if positive.by_costs else "where it is the more probable of the two"
    sentence = (
        f"{name} is {percent(positive.share)} of these rows. It is said of those with a probability above "
        f"{chance(at.threshold)}, {why}: {count(at.said, 'row')}"
    )
    if at.precision is not None:
        sentence += (
            f", of which {percent(at.precision.value)} are {name} (precision, {INTERVAL} "
            f"{between(at.precision, percent)})"
        )
    if at.recall is not None:
        sentence += (
            f"; that finds {percent(at.recall.value)} of all {name} (recall, {between(at.recall, percent)})"
        )
    return f"{sentence}." if at.f1 is None else f"{sentence}. F1 {percent(at.f1)}."
