"""CE009: class ids reach the number of classes: they are counted from 1"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossCall, Rule
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

model = nn.Linear(20, 3)
target = torch.tensor([1, 2, 3, 1])
loss = nn.CrossEntropyLoss()(model(torch.randn(4, 20)), target)
"""

GOOD = """\
import torch
from torch import nn

model = nn.Linear(20, 3)
target = torch.tensor([1, 2, 3, 1]) - 1
loss = nn.CrossEntropyLoss()(model(torch.randn(4, 20)), target)
"""


def look(event: LossCall, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Compare the range of the ids with the number of classes."""
    given, target = event.input, event.target
    if event.spec.family not in ("cross_entropy", "nll") or event.spec.ignore_index:
        return
    if not (isinstance(given, Tensor) and isinstance(target, Tensor)) or target.kind is not Kind.IDS:
        return
    if given.classes and given.whole and target.high is not None and target.high >= given.classes:
        first = f"from {target.low} " if target.low is not None else ""
        fix = "Subtract 1." if target.low == 1 else "Check the labels, or the size of the last layer."
        yield Found(
            event.node,
            f"the targets run {first}to {target.high}, but with {given.classes} classes the ids are 0 to "
            f"{given.classes - 1}. {fix}",
        )


RULE = Rule(
    id="CE009",
    name="labels-from-one",
    severity="error",
    summary="class ids reach the number of classes: they are counted from 1",
    why=(
        "K classes have the ids 0 to K - 1. Labels 1 to K raise an error on the CPU, stop a GPU with an "
        "assertion, and, where someone made room for them with K + 1 outputs, spend one output on a class "
        "that does not exist. Subtract 1."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossCall,),
    look=look,
)
