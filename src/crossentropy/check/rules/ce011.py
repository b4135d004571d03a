"""CE011: the logarithm of a sigmoid is taken by hand"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, Logarithm, Rule, place
from crossentropy.check._fix import log_of
from crossentropy.check._values import Kind

BAD = """\
import torch

logits = torch.randn(8)
log_probabilities = torch.log(torch.sigmoid(logits))
"""

GOOD = """\
import torch
import torch.nn.functional as F

logits = torch.randn(8)
log_probabilities = F.logsigmoid(logits)
"""


PLAIN = "is minus infinity where the sigmoid rounds to 0 or 1"
GUARDED = "has no gradient, or a wrong one, where the sigmoid rounds to 0 or 1 and the guard steps in"


def look(event: Logarithm, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at each logarithm of a sigmoid."""
    if event.input.guarded and (event.input.cut or event.evaluating):
        return  # finite, and nothing is learnt from it
    if event.input.kind is Kind.SIGMOID:
        edits = log_of(event, "sigmoid", "logsigmoid") if event.input.inline else ()
        better = "logsigmoid of minus the logits" if event.input.complement else "logsigmoid of the logits"
        harm = GUARDED if event.input.guarded else PLAIN
        yield Found(
            event.node,
            f"the logarithm of a sigmoid ({place(event.input.origin, event.file)}) {harm}. Use {better}.",
            edits,
        )


RULE = Rule(
    id="CE011",
    name="log-of-sigmoid",
    severity="warning",
    summary="the logarithm of a sigmoid is taken by hand",
    why=(
        "In float32 the sigmoid is exactly 0 below a logit of about -89 and exactly 1 above about 17, so "
        "log(sigmoid(x)) and log(1 - sigmoid(x)) become minus infinity. logsigmoid(x) and logsigmoid(-x) "
        "are finite for every logit, and binary_cross_entropy_with_logits uses them."
    ),
    bad=BAD,
    good=GOOD,
    events=(Logarithm,),
    look=look,
    fixable=True,
)
