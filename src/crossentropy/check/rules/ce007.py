"""CE007: decisions, class ids or detached values are given to a loss"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Backward, Event, Found, LossCall, Rule
from crossentropy.check._values import Kind, Loss, Tensor

BAD = """\
import torch
from torch import nn

model = nn.Linear(20, 1)
decisions = torch.round(torch.sigmoid(model(torch.randn(8, 20))))
loss = nn.functional.binary_cross_entropy(decisions, torch.ones(8, 1))
"""

GOOD = """\
import torch
from torch import nn

model = nn.Linear(20, 1)
logits = model(torch.randn(8, 20))
loss = nn.functional.binary_cross_entropy_with_logits(logits, torch.ones(8, 1))
decisions = torch.round(torch.sigmoid(logits))
"""


def look(event: Event, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at the input of each loss, and at what is differentiated."""
    if isinstance(event, LossCall):
        given = event.input
        if not isinstance(given, Tensor) or not given.cut:
            return
        if given.kind in (Kind.IDS, Kind.HARD, Kind.ONE_HOT) and not _swapped(event):
            message = (
                f"no gradient comes through {given.cut}: the loss gets {given.kind.value}, and nothing before them "
                "learns. Give it what stands before the decision."
            )
            yield Found(event.input_node, message)
        elif given.kind in (Kind.LOGITS, Kind.PROBABILITIES, Kind.LOG_PROBABILITIES, Kind.SIGMOID):
            memory[event.spec, event.node] = (event.input_node, event.file, given.cut)
    elif isinstance(event.loss, Loss):  # type: ignore[attr-defined]
        loss: Loss = event.loss  # type: ignore[attr-defined]
        found = memory.get((loss.spec, loss.node))
        if found is not None and found[1] is event.file:
            yield Found(
                found[0], f"no gradient comes through {found[2]}, and backward() is called on the loss."
            )


def _swapped(event: LossCall) -> bool:
    """Whether the target was given first, which is another rule."""
    target = event.target
    return isinstance(target, Tensor) and target.kind in (
        Kind.LOGITS,
        Kind.PROBABILITIES,
        Kind.LOG_PROBABILITIES,
    )


RULE = Rule(
    id="CE007",
    name="gradient-cut-before-loss",
    severity="error",
    summary="decisions, class ids or detached values are given to a loss",
    why=(
        "A loss is differentiated with respect to its input. An arg-max, a rounding, a comparison, a one-"
        "hot or detach() passes no gradient, so nothing before it learns; and class ids are no logits in "
        "any case. Give the loss what stands before the decision. (A detached input is reported only "
        "where backward() is called on the loss.)"
    ),
    bad=BAD,
    good=GOOD,
    events=(
        LossCall,
        Backward,
    ),
    look=look,
)
