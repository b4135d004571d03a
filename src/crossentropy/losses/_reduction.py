"""From one loss per row to the number that is asked for."""

from __future__ import annotations

from torch import Tensor

from crossentropy.errors import ConfigError, did_you_mean

_REDUCTIONS = ("none", "mean", "sum")


def reduce(losses: Tensor, reduction: str, row_weight: Tensor | None = None) -> Tensor:
    """Return the losses, their sum, or their sum over the sum of `row_weight` (over their number without it).

    `losses` already carry the weights. The mean of nothing is NaN.
    """
    if reduction == "none":
        return losses
    if reduction == "sum":
        return losses.sum()
    if reduction == "mean":
        return losses.mean() if row_weight is None else losses.sum() / row_weight.sum()
    raise ConfigError(
        f"reduction={reduction!r} is not one of {', '.join(map(repr, _REDUCTIONS))}.",
        fix=did_you_mean(reduction, _REDUCTIONS),
    )
