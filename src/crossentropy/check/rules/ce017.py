"""CE017: a cross-entropy over exclusive classes is used where several labels may hold at once"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Event, Found, LossCall, Rule, Threshold
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

logits = nn.Linear(20, 4)(torch.randn(3, 20))
target = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
loss = nn.CrossEntropyLoss()(logits, target)
"""

GOOD = """\
import torch
from torch import nn

logits = nn.Linear(20, 4)(torch.randn(3, 20))
target = torch.tensor([[1.0, 0.0, 1.0, 0.0], [0.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 1.0]])
loss = nn.BCEWithLogitsLoss()(logits, target)
"""


def look(event: Event, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at the targets of each cross-entropy, and for thresholds on the same logits."""
    if isinstance(event, LossCall):
        if event.spec.family != "cross_entropy":
            return
        given, target = event.input, event.target
        if isinstance(target, Tensor) and target.kind is Kind.MULTI_HOT:
            yield Found(event.node, "the target holds several labels a row, but the classes of a cross-entropy exclude "
                        "each other. Use binary_cross_entropy_with_logits.")  # fmt: skip
        if isinstance(given, Tensor) and given.base is not None and given.whole and given.classes != 1:
            memory["loss", given.base] = event.node, event.file
            if ("threshold", given.base) in memory:
                yield Found(event.node, _MESSAGE)
    elif isinstance(event, Threshold) and event.input.kind is Kind.SIGMOID and event.input.whole:
        memory["threshold", event.input.base] = True
        node, file = memory.get(("loss", event.input.base), (None, None))
        if node is not None and file is event.file:
            yield Found(node, _MESSAGE)


_MESSAGE = (
    "a sigmoid and a threshold read these logits, as if several labels could hold, but a cross-entropy trains the "
    "classes to exclude each other. Use binary_cross_entropy_with_logits, or read them by argmax."
)


RULE = Rule(
    id="CE017",
    name="cross-entropy-for-multi-label",
    severity="error",
    summary="a cross-entropy over exclusive classes is used where several labels may hold at once",
    why=(
        "Cross-entropy makes the classes compete: their probabilities sum to one, so a row with two "
        "labels can give neither more than a half. Where several may hold at once each is a question of "
        "its own: binary_cross_entropy_with_logits. Reported for multi-hot targets, and where the same "
        "logits are read by a sigmoid and a threshold."
    ),
    bad=BAD,
    good=GOOD,
    events=(
        LossCall,
        Threshold,
    ),
    look=look,
)
