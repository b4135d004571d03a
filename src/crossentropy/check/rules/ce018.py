"""CE018: a binary cross-entropy is used where exactly one class holds"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Activation, Event, Found, LossCall, Rule
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
import torch.nn.functional as F

logits = torch.nn.Linear(20, 10)(torch.randn(8, 20))
target = F.one_hot(torch.randint(10, (8,)), 10).float()
loss = F.binary_cross_entropy_with_logits(logits, target)
probabilities = F.softmax(logits, dim=1)
"""

GOOD = """\
import torch
import torch.nn.functional as F

logits = torch.nn.Linear(20, 10)(torch.randn(8, 20))
loss = F.cross_entropy(logits, torch.randint(10, (8,)))
probabilities = F.softmax(logits, dim=1)
"""


_MESSAGE = (
    "exactly one class holds (the target is one-hot), but each is trained on its own, and the probabilities are those "
    "of a softmax. Use cross_entropy with the class ids."
)


def look(event: Event, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look for binary losses of one-hot targets whose logits or probabilities are of a softmax."""
    if isinstance(event, LossCall):
        given, target = event.input, event.target
        one_hot = isinstance(target, Tensor) and target.kind is Kind.ONE_HOT
        if not one_hot or not isinstance(given, Tensor) or not given.whole:
            return
        if event.spec.family == "bce" and given.kind is Kind.PROBABILITIES:
            yield Found(event.node, _MESSAGE)
        elif event.spec.family == "bce_logits" and given.base is not None:
            memory["loss", given.base] = event.node, event.file
            if ("softmax", given.base) in memory:
                yield Found(event.node, _MESSAGE)
    elif isinstance(event, Activation) and event.name == "softmax" and event.output.whole:
        memory["softmax", event.output.base] = True
        node, file = memory.get(("loss", event.output.base), (None, None))
        if node is not None and file is event.file:
            yield Found(node, _MESSAGE)


RULE = Rule(
    id="CE018",
    name="bce-for-exclusive-classes",
    severity="warning",
    summary="a binary cross-entropy is used where exactly one class holds",
    why=(
        "With one-hot targets exactly one class holds. A binary cross-entropy trains each class on its "
        "own, so its probabilities need not sum to one, and a softmax of those logits gives probabilities "
        "that nobody trained. Use cross_entropy with the class ids. (One-vs-rest with a sigmoid is a "
        "legitimate choice, and is not reported.)"
    ),
    bad=BAD,
    good=GOOD,
    events=(
        LossCall,
        Activation,
    ),
    look=look,
)
