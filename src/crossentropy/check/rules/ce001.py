"""CE001: probabilities are given to a cross-entropy that takes logits"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from math import e, log
from typing import Any

from crossentropy.check._findings import Found, LossCall, Rule, place
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 10), nn.Softmax(dim=1))
criterion = nn.CrossEntropyLoss()
loss = criterion(model(torch.randn(8, 20)), torch.randint(10, (8,)))
"""

GOOD = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(20, 64), nn.ReLU(), nn.Linear(64, 10))
criterion = nn.CrossEntropyLoss()
logits = model(torch.randn(8, 20))
loss = criterion(logits, torch.randint(10, (8,)))
probabilities = logits.softmax(dim=1)
"""


def look(event: LossCall, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at the input of each cross-entropy."""
    given = event.input
    if event.spec.family != "cross_entropy" or not isinstance(given, Tensor):
        return
    if given.kind in (Kind.PROBABILITIES, Kind.SIGMOID) and given.whole:
        name = "softmax" if given.kind is Kind.PROBABILITIES else "sigmoid"
        where = place(given.origin, event.file)
        floor = ""
        if given.kind is Kind.PROBABILITIES and given.classes and given.classes > 1:
            k = given.classes
            floor = f"; with {k} classes the loss cannot fall below {log(1 + (k - 1) / e):.4f} nats"
        yield Found(
            event.input_node,
            f"the cross-entropy takes logits, but this is the output of a {name} ({where}){floor}. "
            f"Leave the {name} out before the loss.",
        )


RULE = Rule(
    id="CE001",
    name="softmax-before-cross-entropy",
    severity="error",
    summary="probabilities are given to a cross-entropy that takes logits",
    why=(
        "CrossEntropyLoss takes the softmax itself. Given probabilities, it squashes them a second time: "
        "with K classes the loss cannot fall below ln(1 + (K - 1)/e) (0.3133 nats for 2 classes, 1.4612 "
        "for 10), and the gradient nearly vanishes where the model is most wrong. Accuracy still looks "
        "fine, which is why nobody notices. Give it the logits, and take the softmax only where "
        "probabilities are shown to somebody. A sigmoid before CrossEntropyLoss does the same harm."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossCall,),
    look=look,
)
