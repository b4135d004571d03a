"""How large a network, how many folds, how long: what follows from the number of rows, and what a time limit cuts.

The figures behind the choices stand in docs/networks.md.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

__all__ = ["Plan", "plan_for", "within"]


@dataclass(frozen=True)
class Plan:
    """Sizes and settings of a fit.

    Attributes:
        folds: how many parts the rows are dealt into.
        runs: how many of them are held out in turn, each by a network of its own.
        members, width, blocks, embedding, bins, dropout: of each network, see `TableShape`.
        lr, weight_decay, batch_size, epochs, patience: see `TrainSettings`.
    """

    folds: int
    runs: int
    members: int
    width: int
    blocks: int
    embedding: int
    bins: int
    dropout: float
    lr: float
    weight_decay: float
    batch_size: int
    epochs: int
    patience: int


# Epochs until the best one and the patience after it, as most tables take: what a time limit is divided by.
EXPECTED_EPOCHS = 40
SPLIT = 8
"""Parts that the rows are dealt into where one of them is held out once."""


def plan_for(n_rows: int, n_features: int) -> Plan:
    """Return the plan for a table of `n_rows` distinct rows and `n_features` features."""
    small = n_rows < 2_000
    runs = 5 if n_rows < 10_000 else 3 if n_rows < 30_000 else 1
    return Plan(
        folds=runs if runs > 1 else SPLIT,
        runs=runs,
        members=8,
        # more rows bear more units; with one run of very many, an epoch must stay within seconds
        width=256 if runs == 3 else 128,
        blocks=2,
        embedding=8 if n_features <= 100 else 4,
        bins=max(2, min(24, n_rows // 20)),
        dropout=0.2 if small else 0.1,
        lr=1e-2,
        weight_decay=1e-2 if small else 3e-4,
        batch_size=256 if n_rows < 50_000 else 512,
        epochs=100,
        patience=12,
    )


def within(plan: Plan, seconds_an_epoch: float, limit: float) -> Plan:
    """Return the plan cut to a time limit: members first, then runs, then width.

    Args:
        plan: what one would do with enough time.
        seconds_an_epoch: what an epoch of one run takes.
        limit: seconds.
    """
    cuts = [
        *({"members": m} for m in (4, 2) if m < plan.members),
        *({"runs": r} for r in (5, 3, 1) if r < plan.runs),
        *({"width": w} for w in (128, 64) if w < plan.width),
    ]
    for cut in cuts:
        if _seconds(plan, seconds_an_epoch) <= limit:
            break
        shorter = replace(plan, **cut)
        seconds_an_epoch *= (shorter.members * shorter.width) / (plan.members * plan.width)
        plan = shorter
    return plan


def _seconds(plan: Plan, seconds_an_epoch: float) -> float:
    return plan.runs * min(plan.epochs, EXPECTED_EPOCHS) * seconds_an_epoch
