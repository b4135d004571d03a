"""CE019: a softmax or cross-entropy over a single output is constant"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Activation, Event, Found, LossCall, Rule
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(20, 1), nn.Softmax(dim=1))
probabilities = model(torch.randn(8, 20))
"""

GOOD = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(20, 1), nn.Sigmoid())
probabilities = model(torch.randn(8, 20))
"""


_SOFTMAXES = (Kind.PROBABILITIES, Kind.LOG_PROBABILITIES)


def look(event: Event, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look for a single class: where it is sure to be the axis of the softmax, or where the classes of a loss are."""
    given = event.input  # type: ignore[attr-defined]
    if not isinstance(given, Tensor) or not given.whole:
        return
    if isinstance(event, Activation):
        if given.kind is Kind.LOGITS and "softmax" in event.name and given.classes_along(event.dim) == 1:
            yield Found(
                event.node, "the softmax of a single output is always 1. Use a sigmoid, or two outputs."
            )
    elif isinstance(event, LossCall) and event.spec.family in ("cross_entropy", "nll"):
        # over the steps of a sequence a softmax of single scores is attention, and its classes are the steps
        over_classes = given.kind is Kind.LOGITS or (given.kind in _SOFTMAXES and given.axis in (1, -1))
        if over_classes and given.classes == 1 and (given.channels or given.rank in (2, None)):
            yield Found(
                event.node,
                "the cross-entropy of one class is always 0. Use binary_cross_entropy_with_logits, or two outputs.",
            )


RULE = Rule(
    id="CE019",
    name="one-class",
    severity="error",
    summary="a softmax or cross-entropy over a single output is constant",
    why=(
        "The softmax of one number is 1 whatever the number, and the cross-entropy of one class is 0: "
        "nothing can be learnt. For two classes either give one logit to "
        "binary_cross_entropy_with_logits, or two logits to cross_entropy."
    ),
    bad=BAD,
    good=GOOD,
    events=(
        LossCall,
        Activation,
    ),
    look=look,
)
