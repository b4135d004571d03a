"""CE012: the probability of the target is picked out of a softmax, and its logarithm taken"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, Logarithm, Rule, place
from crossentropy.check._values import Kind

BAD = """\
import torch

logits = torch.randn(8, 10, requires_grad=True)
target = torch.randint(10, (8,))
p = torch.softmax(logits, dim=1)
loss = -torch.log(p[torch.arange(8), target]).mean()
"""

GOOD = """\
import torch
import torch.nn.functional as F

logits = torch.randn(8, 10, requires_grad=True)
target = torch.randint(10, (8,))
loss = F.cross_entropy(logits, target)
"""


PLAIN = "is minus infinity where it underflows"
GUARDED = "has no gradient, or a wrong one, where it underflows and the guard steps in"


def look(event: Logarithm, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at each logarithm of entries of a softmax."""
    if event.input.guarded and (event.input.cut or event.evaluating):
        return  # finite, and nothing is learnt from it
    if event.input.kind is Kind.PROBABILITIES and event.picked:
        harm = GUARDED if event.input.guarded else PLAIN
        yield Found(
            event.node,
            f"the logarithm of entries of a softmax ({place(event.input.origin, event.file)}) {harm}. "
            "Use cross_entropy of the logits, or pick entries of log_softmax.",
        )


RULE = Rule(
    id="CE012",
    name="cross-entropy-by-hand",
    severity="warning",
    summary="the probability of the target is picked out of a softmax, and its logarithm taken",
    why=(
        "-log p[y] is the cross-entropy, but of a probability that was rounded first: where it underflows "
        "the loss is infinite and the gradient NaN. cross_entropy(logits, y) computes the same number "
        "from the logits, in one stable pass."
    ),
    bad=BAD,
    good=GOOD,
    events=(Logarithm,),
    look=look,
)
