"""CE008: targets have the wrong dtype or shape for the loss"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossCall, Rule, place
from crossentropy.check._values import Kind, Tensor

BAD = """\
import torch
from torch import nn

logits = torch.randn(8, 10, requires_grad=True)
target = torch.randint(10, (8,))
loss = nn.CrossEntropyLoss()(logits, target.float())
"""

GOOD = """\
import torch
from torch import nn

logits = torch.randn(8, 10, requires_grad=True)
target = torch.randint(10, (8,))
loss = nn.CrossEntropyLoss()(logits, target.long())
"""


def look(event: LossCall, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at the target of each loss."""
    given, target = event.input, event.target
    if not isinstance(target, Tensor):
        return
    binary = event.spec.family in ("bce", "bce_logits")
    message = _binary(given, target) if binary else _multiclass(given, target)
    if message and event.spec.family != "kl":
        made = place(target.origin, event.file)
        yield Found(event.node, message.replace("the target", f"the target ({made})", 1) if made else message)


def _binary(given: object, target: Tensor) -> str:
    if target.kind is Kind.IDS and target.high is not None and target.high > 1:
        return f"the target holds class ids up to {target.high}; a binary loss takes values between 0 and 1."
    if target.kind in (Kind.IDS, Kind.ONE_HOT, Kind.MULTI_HOT) and target.floating is False:
        return "the target holds integers; a binary loss takes floats. Use target.float()."
    one = isinstance(given, Tensor) and given.rank == 2 and given.classes == 1
    if one and target.rank == 1 and not target.batched:
        return (
            "the target has shape (N,), but the input (N, 1). Use target.unsqueeze(1), or input.squeeze(1)."
        )
    return ""


def _multiclass(given: object, target: Tensor) -> str:
    rows = isinstance(given, Tensor) and given.rank == 2
    if target.kind is Kind.IDS and target.floating and target.rank == 1 and (rows or target.cut != "literal"):
        return "the target holds class ids as floats; integers were expected. Use target.long()."
    if target.kind is Kind.IDS and target.column and rows:
        return "the target has shape (N, 1); class ids have shape (N,). Use target.squeeze(1)."
    if target.kind is Kind.ONE_HOT and target.floating is False and rows:
        return "one-hot rows as integers; give the class ids themselves, or one-hot rows as floats."
    return ""


RULE = Rule(
    id="CE008",
    name="wrong-kind-of-target",
    severity="error",
    summary="targets have the wrong dtype or shape for the loss",
    why=(
        "CrossEntropyLoss and NLLLoss take class ids as integers of shape (N,); floats of the shape of "
        "the input are read as probabilities of the classes. Ids as floats, ids of shape (N, 1), and one-hot "
        "rows as integers are none of these, and raise an error when the line runs. The binary losses "
        "take floats between 0 and 1, of the shape of the input."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossCall,),
    look=look,
)
