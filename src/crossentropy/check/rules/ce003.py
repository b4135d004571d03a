"""CE003: probabilities are given to a binary cross-entropy that takes logits"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossCall, Rule, place
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

logits = nn.Linear(20, 1)(torch.randn(8, 20))
loss = nn.BCEWithLogitsLoss()(torch.sigmoid(logits), torch.ones(8, 1))
"""

GOOD = """\
import torch
from torch import nn

logits = nn.Linear(20, 1)(torch.randn(8, 20))
loss = nn.BCEWithLogitsLoss()(logits, torch.ones(8, 1))
"""


def look(event: LossCall, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at the input of each binary cross-entropy with logits."""
    given = event.input
    if event.spec.family != "bce_logits" or not isinstance(given, Tensor):
        return
    if given.kind in (Kind.SIGMOID, Kind.PROBABILITIES):
        name = "sigmoid" if given.kind is Kind.SIGMOID else "softmax"
        yield Found(
            event.input_node,
            f"the loss takes logits, but this is the output of a {name} "
            f"({place(given.origin, event.file)}). Leave the {name} out before the loss.",
        )


RULE = Rule(
    id="CE003",
    name="sigmoid-before-bce-with-logits",
    severity="error",
    summary="probabilities are given to a binary cross-entropy that takes logits",
    why=(
        "BCEWithLogitsLoss takes the sigmoid itself. Given a number in [0, 1] it reads it as a logit, "
        "whose sigmoid lies between 0.5 and 0.73: no example of class 0 can cost less than ln 2 = 0.6931 "
        "nats, and none of class 1 less than 0.3133. Give it the logits, or use BCELoss after a sigmoid."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossCall,),
    look=look,
)
