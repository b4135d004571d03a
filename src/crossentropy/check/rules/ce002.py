"""CE002: a log-softmax stands before a cross-entropy, which takes one itself"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossCall, Rule, place
from crossentropy.check._fix import unwrap
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
import torch.nn.functional as F

logits = torch.randn(8, 10, requires_grad=True)
loss = F.cross_entropy(F.log_softmax(logits, dim=1), torch.randint(10, (8,)))
"""

GOOD = """\
import torch
import torch.nn.functional as F

logits = torch.randn(8, 10, requires_grad=True)
loss = F.cross_entropy(logits, torch.randint(10, (8,)))
"""


def look(event: LossCall, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at the input of each cross-entropy."""
    given = event.input
    if (
        event.spec.family == "cross_entropy"
        and isinstance(given, Tensor)
        and given.kind is Kind.LOG_PROBABILITIES
    ):
        where = place(given.origin, event.file)
        edits = unwrap(event.file, event.input_node) if given.inline and given.axis == 1 else ()
        yield Found(
            event.input_node,
            f"this is the output of a log-softmax ({where}), and the cross-entropy takes one itself: harmless, but "
            "done twice. Leave it out, or use nll_loss.",
            edits,
        )


RULE = Rule(
    id="CE002",
    name="log-softmax-before-cross-entropy",
    severity="note",
    summary="a log-softmax stands before a cross-entropy, which takes one itself",
    why=(
        "Log-probabilities are logits too, and the softmax of their exponentials is what it was: the loss "
        "and its gradient are unchanged. But the work is done twice, and whoever reads the code cannot "
        "tell whether NLLLoss was meant. Leave the log-softmax out, or use NLLLoss."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossCall,),
    look=look,
    fixable=True,
)
