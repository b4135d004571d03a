"""Which models predict, with what weight, and what each is worth alone, in words."""

from __future__ import annotations

from crossentropy.report._numbers import nats, percent
from crossentropy.report._summary import PartFigures, Summary

__all__ = ["models_words"]


def models_words(summary: Summary) -> str:
    """Return what predicts, where it is not the linear model alone; else nothing."""
    used = [part for part in summary.parts if part.weight > 0]
    spare = [part for part in summary.parts if part.weight == 0]
    if not used:
        return ""
    if len(used) == 1:
        said = f"Predicts: {_alone(used[0])}."
    else:
        mixed = ", ".join(f"{percent(part.weight)} {_alone(part)}" for part in used)
        said = f"Mixed, by weights that minimise the loss on held-out rows: {mixed}"
        together = summary.temperature.loss_after
        said += "." if together is None else f"; together {nats(together)}."
    for part in spare:
        said += f" As a yardstick: {_alone(part)}."
    return f"{said} Penalty and optimum below are those of the linear model."


def _alone(part: PartFigures) -> str:
    notes = [
        *([] if part.loss is None else [f"{nats(part.loss)} alone"]),
        *([part.note] if part.note else []),
    ]
    return f"{part.name} ({'; '.join(notes)})" if notes else part.name
