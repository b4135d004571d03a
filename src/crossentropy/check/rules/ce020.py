"""CE020: the target is given where the input belongs"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossCall, Rule
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

logits = nn.Linear(20, 10)(torch.randn(8, 20))
target = torch.randint(10, (8,))
loss = nn.CrossEntropyLoss()(target, logits)
"""

GOOD = """\
import torch
from torch import nn

logits = nn.Linear(20, 10)(torch.randn(8, 20))
target = torch.randint(10, (8,))
loss = nn.CrossEntropyLoss()(logits, target)
"""


def look(event: LossCall, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look for targets in the place of the input."""
    given, target = event.input, event.target
    if not (isinstance(given, Tensor) and isinstance(target, Tensor)):
        return
    labels = given.kind in (Kind.IDS, Kind.ONE_HOT, Kind.MULTI_HOT)
    if labels and target.kind in (Kind.LOGITS, Kind.LOG_PROBABILITIES):
        yield Found(event.node, "the input and the target are swapped: the input comes first.")


RULE = Rule(
    id="CE020",
    name="arguments-swapped",
    severity="error",
    summary="the target is given where the input belongs",
    why=(
        "torch's losses take the input first and the target second. scikit-learn's metrics take the true "
        "labels first, and Keras's losses do, so the two are easily swapped. Of two float tensors nothing "
        "raises an error, and the loss is wrong."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossCall,),
    look=look,
)
