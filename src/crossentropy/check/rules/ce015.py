"""CE015: label smoothing is left on in evaluation, or a smoothed loss is compared with one that is not"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Backward, Event, Found, LossCall, LossComparison, Rule
from crossentropy.check._values import Loss

BAD = """\
import torch
from torch import nn

model = nn.Linear(20, 10)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
x, y = torch.randn(8, 20), torch.randint(10, (8,))
criterion(model(x), y).backward()
with torch.no_grad():
    valid_loss = criterion(model(x), y)
"""

GOOD = """\
import torch
from torch import nn

model = nn.Linear(20, 10)
criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
evaluation = nn.CrossEntropyLoss()
x, y = torch.randn(8, 20), torch.randint(10, (8,))
criterion(model(x), y).backward()
with torch.no_grad():
    valid_loss = evaluation(model(x), y)
"""


def look(event: Event, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look for smoothed losses that train and evaluate, and for comparisons."""
    if isinstance(event, LossComparison):
        left, right = event.left.spec, event.right.spec
        known = left.smoothing is not None and right.smoothing is not None
        if known and bool(left.smoothing) != bool(right.smoothing):
            yield Found(event.node, "one of these losses has label smoothing and the other has none.")
    elif isinstance(event, LossCall):
        if event.spec.smoothing and event.evaluating and event.spec.origin is not None:
            memory.setdefault(("evaluates", event.spec), []).append(event.node)
            memory[event.node] = event.file
            yield from _both(event, event.spec, memory)
    elif isinstance(event, Backward) and isinstance(event.loss, Loss) and event.loss.spec.smoothing:
        memory["trains", event.loss.spec] = True
        yield from _both(event, event.loss.spec, memory)


def _both(event: Event, spec: object, memory: dict[Hashable, Any]) -> Iterator[Found]:
    if not memory.get(("trains", spec)):
        return
    for node in memory.get(("evaluates", spec), ()):
        if memory[node] is event.file:
            yield Found(
                node,
                "this loss has label smoothing, and it is the loss of an evaluation: its floor is not 0. Evaluate "
                "with a loss without smoothing.",
            )


RULE = Rule(
    id="CE015",
    name="label-smoothing-in-evaluation",
    severity="warning",
    summary="label smoothing is left on in evaluation, or a smoothed loss is compared with one that is not",
    why=(
        "With label smoothing the loss of a perfect model is not 0 but the entropy of the smoothed target "
        "(with 10 classes and a smoothing of 0.1: 0.5003 nats), and a model that is confident and right "
        "is charged for it. It is meant for training; evaluate with a loss without it. Reported where one "
        "loss object both trains and evaluates, and where the two kinds are compared."
    ),
    bad=BAD,
    good=GOOD,
    events=(
        LossCall,
        LossComparison,
        Backward,
    ),
    look=look,
)
