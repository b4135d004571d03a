"""CE010: the logarithm of a softmax is taken by hand"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, Logarithm, Rule, place
from crossentropy.check._fix import log_of
from crossentropy.check._values import Kind

BAD = """\
import torch
import torch.nn.functional as F

logits = torch.randn(8, 10)
log_probabilities = torch.log(F.softmax(logits, dim=1))
"""

GOOD = """\
import torch
import torch.nn.functional as F

logits = torch.randn(8, 10)
log_probabilities = F.log_softmax(logits, dim=1)
"""


PLAIN = "is minus infinity where it underflows"
GUARDED = "has no gradient, or a wrong one, where it underflows and the guard steps in"


def look(event: Logarithm, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at each logarithm of softmax probabilities."""
    if event.input.guarded and (event.input.cut or event.evaluating):
        return  # finite, and nothing is learnt from it
    if event.input.kind is Kind.PROBABILITIES and not event.picked:
        edits = log_of(event, "softmax", "log_softmax") if event.input.inline else ()
        harm = GUARDED if event.input.guarded else PLAIN
        yield Found(
            event.node,
            f"the logarithm of a softmax ({place(event.input.origin, event.file)}) {harm}. "
            "Use log_softmax of the logits.",
            edits,
        )


RULE = Rule(
    id="CE010",
    name="log-of-softmax",
    severity="warning",
    summary="the logarithm of a softmax is taken by hand",
    why=(
        "In float32 a softmax underflows to 0 where a logit lies about 104 below the largest, and the "
        "logarithm is minus infinity; an epsilon inside hides that, and with it the gradient of exactly "
        "the rows that are most wrong. log_softmax subtracts the log-sum-exp and is finite for every "
        "logit."
    ),
    bad=BAD,
    good=GOOD,
    events=(Logarithm,),
    look=look,
    fixable=True,
)
