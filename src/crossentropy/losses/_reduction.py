"""From one loss per row to the number that is asked for."""

from __future__ import annotations

from torch import Tensor

from crossentropy.errors import ConfigError, did_you_mean
from crossentropy.losses._options import NO_OPTIONS, LossOptions

REDUCTIONS = ("none", "mean", "sum")


def reduce(
    losses: Tensor, counts: Tensor, out: Tensor | None, reduction: str, options: LossOptions = NO_OPTIONS
) -> Tensor:
    """Return s_i l_i, their sum, or their sum over sum_i s_i c_i or over the divisor.

    `losses` already carry the class weights; `counts` are the c_i. Rows that are left `out` are 0 in all of it.
    """
    check_reduction(reduction)
    s = options.sample_weight
    if out is not None:
        losses, counts = losses.masked_fill(out, 0), counts.masked_fill(out, 0)
        s = s.masked_fill(out, 0) if s is not None else None
    if s is not None:
        losses, counts = s * losses, s * counts
    if reduction == "none":
        return losses
    total = losses.sum()
    if reduction == "sum":
        return total
    if options.divisor is not None:
        return total / options.divisor
    divisor = counts.sum()
    if options.all_ignored == "zero":
        nothing = divisor == 0
        return total.masked_fill(nothing, 0) / divisor.masked_fill(nothing, 1)
    return total / divisor


def check_reduction(reduction: str) -> None:
    """Refuse what is no reduction."""
    if reduction not in REDUCTIONS:
        raise ConfigError(
            f"reduction={reduction!r} is not one of {', '.join(map(repr, REDUCTIONS))}.",
            fix=did_you_mean(str(reduction), REDUCTIONS),
        )
