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


def look(event: Event, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look for a single class."""
    if isinstance(event, Activation):
        given = event.input
        classes = (
            given.classes if isinstance(given, Tensor) and given.kind is Kind.LOGITS and given.whole else None
        )
        last = event.dim == -1 or (
            event.dim == 1 and isinstance(given, Tensor) and given.rank in (2, 4, None)
        )
        if classes == 1 and "softmax" in event.name and last:
            yield Found(
                event.node, "the softmax of a single output is always 1. Use a sigmoid, or two outputs."
            )
    elif isinstance(event, LossCall):
        given = event.input
        single = (
            isinstance(given, Tensor) and given.kind is Kind.LOGITS and given.classes == 1 and given.whole
        )
        if single and event.spec.family == "cross_entropy":
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
