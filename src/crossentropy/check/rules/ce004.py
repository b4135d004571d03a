"""CE004: logits are given to a binary cross-entropy that takes probabilities"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossCall, Rule, place
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 1))
loss = nn.BCELoss()(model(torch.randn(8, 20)), torch.ones(8, 1))
"""

GOOD = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(20, 16), nn.ReLU(), nn.Linear(16, 1))
loss = nn.BCEWithLogitsLoss()(model(torch.randn(8, 20)), torch.ones(8, 1))
"""


_NO_PROBABILITIES = (Kind.LOGITS, Kind.LOG_PROBABILITIES, Kind.LOG_SIGMOID)


def look(event: LossCall, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at the input of each binary cross-entropy of probabilities."""
    given = event.input
    if event.spec.family == "bce" and isinstance(given, Tensor) and given.kind in _NO_PROBABILITIES:
        what = "logits, the output of a layer" if given.kind is Kind.LOGITS else f"{given.kind.value}"
        yield Found(
            event.input_node,
            f"the loss takes probabilities, but these are {what} ({place(given.origin, event.file)}). "
            "Use binary_cross_entropy_with_logits (BCEWithLogitsLoss) on logits.",
        )


RULE = Rule(
    id="CE004",
    name="logits-into-bce",
    severity="error",
    summary="logits are given to a binary cross-entropy that takes probabilities",
    why=(
        "BCELoss takes probabilities in [0, 1]. The output of a linear layer lies anywhere: on the CPU a "
        "value outside raises an error, on a GPU it stops the program with an assertion, and until one "
        "falls outside the loss is of something that is no probability. Use BCEWithLogitsLoss, which is "
        "also the stable way to compute the same number."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossCall,),
    look=look,
)
