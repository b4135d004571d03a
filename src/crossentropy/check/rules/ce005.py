"""CE005: logits or probabilities are given to an NLLLoss that takes log-probabilities"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossCall, Rule, place
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

model = nn.Linear(20, 10)
loss = nn.NLLLoss()(model(torch.randn(8, 20)), torch.randint(10, (8,)))
"""

GOOD = """\
import torch
from torch import nn

model = nn.Sequential(nn.Linear(20, 10), nn.LogSoftmax(dim=1))
loss = nn.NLLLoss()(model(torch.randn(8, 20)), torch.randint(10, (8,)))
"""


_NO_LOG = (Kind.LOGITS, Kind.PROBABILITIES, Kind.SIGMOID)


def look(event: LossCall, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at the input of each negative log-likelihood."""
    given = event.input
    if event.spec.family == "nll" and isinstance(given, Tensor) and given.kind in _NO_LOG:
        yield Found(
            event.input_node,
            f"the loss takes log-probabilities, but these are {given.kind.value} "
            f"({place(given.origin, event.file)}). Use cross_entropy (CrossEntropyLoss) on logits.",
        )


RULE = Rule(
    id="CE005",
    name="no-log-before-nll",
    severity="error",
    summary="logits or probabilities are given to an NLLLoss that takes log-probabilities",
    why=(
        "NLLLoss only picks minus the entry of the target: it takes no logarithm and no softmax. Of "
        "logits it is unbounded below, so training runs off to minus infinity; of probabilities it is "
        "minus the probability, not minus its logarithm. Use CrossEntropyLoss on logits, or NLLLoss after "
        "a log-softmax."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossCall,),
    look=look,
)
