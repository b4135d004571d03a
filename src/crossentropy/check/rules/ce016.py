"""CE016: gradients of several batches are summed, but the loss is not divided by their number"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Backward, Found, Rule
from crossentropy.check._values import Loss

BAD = """\
import torch
import torch.nn.functional as F

model = torch.nn.Linear(20, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(100):
    loss = F.cross_entropy(model(torch.randn(8, 20)), torch.randint(10, (8,)))
    loss.backward()
    if (step + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
"""

GOOD = """\
import torch
import torch.nn.functional as F

model = torch.nn.Linear(20, 10)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
for step in range(100):
    loss = F.cross_entropy(model(torch.randn(8, 20)), torch.randint(10, (8,)))
    (loss / 4).backward()
    if (step + 1) % 4 == 0:
        optimizer.step()
        optimizer.zero_grad()
"""


def look(event: Backward, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at each backward() of a loop that accumulates."""
    loss = event.loss
    if event.accumulates and isinstance(loss, Loss) and not loss.scaled and loss.spec.reduction == "mean":
        yield Found(
            event.node,
            "the optimizer steps every few batches, but the loss is not divided by their number: the gradients are "
            "as many times too large.",
        )


RULE = Rule(
    id="CE016",
    name="accumulation-divisor",
    severity="warning",
    summary="gradients of several batches are summed, but the loss is not divided by their number",
    why=(
        "backward() adds to the gradients. Where the optimizer steps only every k batches, the sum of k "
        "mean losses is k times the gradient of the large batch that is meant: the learning rate is in "
        "effect k times as high, and gradient clipping clips k times as early. Divide each loss by k "
        "before backward()."
    ),
    bad=BAD,
    good=GOOD,
    events=(Backward,),
    look=look,
)
