"""CE006: the softmax is taken over the wrong dimension, or none is given"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Activation, ArgMax, Event, Found, LossCall, Rule, place
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
import torch.nn.functional as F

logits = torch.randn(8, 10)
log_probabilities = F.log_softmax(logits, dim=0)
loss = F.nll_loss(log_probabilities, torch.randint(10, (8,)))
"""

GOOD = """\
import torch
import torch.nn.functional as F

logits = torch.randn(8, 10)
log_probabilities = F.log_softmax(logits, dim=1)
loss = F.nll_loss(log_probabilities, torch.randint(10, (8,)))
"""


_SOFTMAXES = (Kind.PROBABILITIES, Kind.LOG_PROBABILITIES)


def look(event: Event, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at each softmax, and at where its output goes."""
    if isinstance(event, Activation):
        if "oftmax" in event.name and not event.given:
            yield Found(
                event.node, "no dim is given, so torch guesses one. Give the dimension of the classes."
            )
    elif isinstance(event, LossCall):
        given = event.input
        if event.spec.family in ("cross_entropy", "nll") and isinstance(given, Tensor) and _wrong(given):
            yield Found(
                event.input_node,
                f"the softmax of {place(given.origin, event.file)} is over dim={given.axis}, but the "
                f"classes of this loss are on dimension 1{_shape(given)}.",
            )
    elif isinstance(event, ArgMax):
        given = event.input
        if given.kind in _SOFTMAXES and given.axis == 0 and event.dim in (1, -1) and given.rank != 1:
            yield Found(
                event.node,
                f"the softmax of {place(given.origin, event.file)} is over dim=0, but the class is looked "
                f"for along dim={event.dim}: take the softmax over the classes.",
            )


def _wrong(given: Tensor) -> bool:
    if given.kind not in _SOFTMAXES or given.axis is None:
        return False
    if given.rank is not None and given.rank >= 2:
        return given.axis % given.rank != 1
    return given.batched and given.axis == 0


def _shape(given: Tensor) -> str:
    return f" of {given.rank}" if given.rank else ""


RULE = Rule(
    id="CE006",
    name="softmax-dimension",
    severity="error",
    summary="the softmax is taken over the wrong dimension, or none is given",
    why=(
        "A softmax makes the entries along one dimension sum to one; for a classifier that is the "
        "dimension of the classes: 1 for (N, C) and for (N, C, H, W). Over the batch (dim=0) each example "
        "competes with its neighbours, and the output of one example depends on the others. Without dim, "
        "torch guesses from the number of axes: 0 for one or three of them, 1 for the others."
    ),
    bad=BAD,
    good=GOOD,
    events=(
        LossCall,
        Activation,
        ArgMax,
    ),
    look=look,
)
