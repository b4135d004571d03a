"""CE014: a class-weighted loss is compared with an unweighted one"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossComparison, Rule

BAD = """\
import torch
import torch.nn.functional as F

logits, target = torch.randn(8, 2, requires_grad=True), torch.randint(2, (8,))
train_loss = F.cross_entropy(logits, target, weight=torch.tensor([1.0, 5.0]))
valid_loss = F.cross_entropy(logits, target)
gap = valid_loss - train_loss
"""

GOOD = """\
import torch
import torch.nn.functional as F

logits, target = torch.randn(8, 2, requires_grad=True), torch.randint(2, (8,))
weight = torch.tensor([1.0, 5.0])
train_loss = F.cross_entropy(logits, target, weight=weight)
valid_loss = F.cross_entropy(logits, target, weight=weight)
gap = valid_loss - train_loss
"""


def look(event: LossComparison, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at each comparison of two losses."""
    left, right = event.left.spec, event.right.spec
    if left.family == right.family and {left.weighted, right.weighted} == {True, False}:
        yield Found(
            event.node,
            "one of these losses is weighted by class and the other is not: they are on different scales. Compare "
            "losses with the same weights.",
        )


RULE = Rule(
    id="CE014",
    name="weighted-compared-with-unweighted",
    severity="warning",
    summary="a class-weighted loss is compared with an unweighted one",
    why=(
        "A class-weighted loss is the mean of a different population, one in which each class is as "
        "frequent as its weight makes it. It is no better or worse than the unweighted loss of the same "
        "model: the two are on different scales, and their difference or order says nothing. Compare "
        "losses computed with the same weights."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossComparison,),
    look=look,
)
