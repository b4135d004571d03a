"""Every refusal: the same class as torch or a subclass, and a message that says where, what and what to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from crossentropy import errors, losses
from tests.losses.loss_list import Shape, distributions, ids, logits

Z, T, Q = logits(Shape()).float(), ids(Shape()), distributions(Shape()).float()
DEEP, DEEP_IDS = logits(Shape(rows=2, extra=(4,))).float(), ids(Shape(rows=2, extra=(4,)))
P = Z.sigmoid()


def at(tensor: Tensor, index: int | tuple[int, ...], value: float) -> Tensor:
    changed = tensor.clone()
    changed[index] = value
    return changed


@dataclass(frozen=True)
class Refusal:
    """A wrong call, the public class of the error, and a pattern of its message."""

    name: str
    error: type[errors.CrossEntropyError]
    message: str
    args: tuple[Any, ...]
    options: dict[str, Any]

    def __str__(self) -> str:
        return self.name


REFUSALS: list[Refusal] = []


def refuse(
    name: str, error: type[errors.CrossEntropyError], message: str, *args: Any, **options: Any
) -> None:
    REFUSALS.append(Refusal(name, error, message, args, options))


E = errors
for function in ("cross_entropy", "nll_loss"):
    refuse(
        function,
        E.ClassIdError,
        r"id 3 at row 2 is outside \[0, 3\) \(1 such of 5\).*target - 1",
        Z,
        at(T, 2, 3),
    )
    refuse(function, E.ClassIdError, r"id -1 at row 0 .*ignore_index=-1", Z, at(T, 0, -1))
    refuse(function, E.ClassIdError, r"id 9 at position \(1, 3\)", DEEP, at(DEEP_IDS, (1, 3), 9))
    refuse(function, E.ClassIdError, r"id 7 is outside", Z[0], torch.tensor(7))
    refuse(function, E.ClassIdError, r"id -100 at row 1", Z, at(T, 1, -100), ignore_index=-1)
    refuse(function, E.TargetError, r"dtype float32; class ids are integers.*target\.long\(\)", Z, T.float())
    refuse(function, E.TargetError, r"dtype bool", Z, T.bool())
    refuse(function, E.ShapeError, r"\(5, 1\).*\(5,\).*squeeze\(1\)", Z, T[:, None])
    refuse(function, E.ShapeError, r"\(4,\).*have shape \(5,\)", Z, T[:4])
    refuse(function, E.ShapeError, r"movedim\(-1, 1\)", DEEP.movedim(1, -1), DEEP_IDS)
    refuse(function, E.ShapeError, r"\(2, 3\).*have shape \(2, 4\)", DEEP, DEEP_IDS[:, :3])
    refuse(function, E.ShapeError, r"\(2,\).*have shape \(\)", Z[0], T[:2])
    refuse(function, E.ShapeError, r"no axes", Z[0, 0], T[0])
    refuse(function, E.ShapeError, r"no classes along axis 1", Z[:, :0], T)
    refuse(function, E.ShapeError, r"weight has shape \(2,\); expected \(3,\)", Z, T, weight=torch.ones(2))
    refuse(function, E.ShapeError, r"weight has shape \(1, 3\)", Z, T, weight=torch.ones(1, 3))
    refuse(
        function,
        E.ShapeError,
        r"weight has dtype float64.*weight\.to\(input",
        Z,
        T,
        weight=torch.ones(3).double(),
    )
    refuse(function, E.TensorTypeError, r"input has dtype int64.*input\.float\(\)", Z.long(), T)
    refuse(function, E.ConfigError, r"'avg' is not one of 'none', 'mean', 'sum'", Z, T, reduction="avg")
    refuse(function, E.InputError, r"input is a list.*as_tensor\(input\)", [[1.0, 2.0]], T)
    refuse(function, E.InputError, r"target is a int", Z, 1)
    refuse(function, E.InputError, r"target is a NoneType", Z, None)
    refuse(function, E.InputError, r"weight is a list", Z, T, weight=[1.0, 1.0, 1.0])
    refuse(function, E.ShapeError, r"target is on device meta, input on cpu.*target\.to", Z, T.to("meta"))
    refuse(function, E.ShapeError, r"target is on device cpu, input on meta", Z.to("meta"), T)
    refuse(function, E.ShapeError, r"weight is on device meta", Z, T, weight=torch.ones(3, device="meta"))
    refuse(function, E.TensorTypeError, r"layout sparse_coo.*input\.to_dense", Z.to_sparse(), T)
    for junk in (None, True, -1.0):
        refuse(function, E.TensorTypeError, rf"ignore_index={junk} is a", Z, T, ignore_index=junk)
refuse("cross_entropy", E.TargetError, r"read as a distribution.*int64.*one-hot", Z, torch.ones(5, 3).long())
refuse("cross_entropy", E.TargetError, r"class ids are integers", Z, Q[:, :2])
refuse("cross_entropy", E.ConfigError, r"ignore_index=1 is for class ids", Z, Q, ignore_index=1)
refuse("cross_entropy", E.ShapeError, r"weight has shape \(2,\)", Z, Q, weight=torch.ones(2))
refuse("cross_entropy", E.TensorTypeError, r"label_smoothing='a' is a str", Z, T, label_smoothing="a")
refuse("cross_entropy", E.TensorTypeError, r"tuple.*SparseTarget\(ids, prob", Z, (T[:, None], Q[:, :1]))
refuse("cross_entropy", E.ConfigError, r"reduction=None is not one of", Z, T, reduction=None)
refuse("cross_entropy", E.ConfigError, r"label_smoothing=1\.5 is outside \[0, 1\]", Z, T, label_smoothing=1.5)
for function, first in (("binary_cross_entropy_with_logits", Z), ("binary_cross_entropy", P)):
    refuse(function, E.ShapeError, r"\(5, 1\), input \(5, 3\); expected the same.*squeeze", first, Q[:, :1])
    refuse(function, E.TargetError, r"target has dtype int64.*target\.to\(input\.dtype\)", first, Q.long())
    refuse(function, E.TargetError, r"target has dtype bool", first, Q > 0.5)
    refuse(function, E.ShapeError, r"target is on device meta", first, Q.to("meta"))
    refuse(function, E.ShapeError, r"weight is on device meta", first, Q, weight=Q.to("meta"))
    refuse(function, E.ShapeError, r"weight has shape \(2,\), which does not", first, Q, weight=torch.ones(2))
    refuse(function, E.ShapeError, r"weight has shape \(2, 5, 3\)", first, Q, weight=torch.ones(2, 5, 3))
    refuse(function, E.TensorTypeError, r"input has dtype int64", first.long(), Q)
    refuse(function, E.ConfigError, r"'men'.*Did you mean 'mean'\?", first, Q, reduction="men")
refuse(
    "binary_cross_entropy_with_logits",
    E.ShapeError,
    r"pos_weight has shape \(2,\)",
    Z,
    Q,
    pos_weight=torch.ones(2),
)
refuse("binary_cross_entropy", E.ShapeError, r"target has dtype float64, input float32", P, Q.double())
refuse(
    "binary_cross_entropy",
    E.InputError,
    r"input holds 1\.5 at position \(2, 1\).*with_logits",
    at(P, (2, 1), 1.5),
    Q,
)
refuse(
    "binary_cross_entropy", E.InputError, r"input holds nan at position \(0, 0\)", at(P, (0, 0), torch.nan), Q
)
refuse(
    "binary_cross_entropy",
    E.TargetError,
    r"target holds -1 at row 3.*\(target \+ 1\) / 2",
    P[:, 0],
    at(Q[:, 0], 3, -1),
)
refuse("binary_cross_entropy", E.TargetError, r"target holds nan", P, at(Q, (1, 1), torch.nan))
refuse("one_hot", E.ClassIdError, r"id -1 at row 1", torch.tensor([2, -1]))
refuse("one_hot", E.ClassIdError, r"id 2 at row 0 is outside \[0, 2\)", torch.tensor([2, 1]), 2)
refuse("one_hot", E.TargetError, r"dtype float32", torch.tensor([2.0]))
refuse("one_hot", E.TargetError, r"empty.*Pass num_classes", torch.tensor([]).long())
refuse("one_hot", E.ConfigError, r"num_classes=0", torch.tensor([0]), 0)
for function in ("softmax", "log_softmax"):
    refuse(function, E.ShapeError, r"dim=2 is not an axis of input \(5, 3\); expected -2 to 1", Z, 2)
    refuse(function, E.ShapeError, r"dim=-3", Z, -3)
    refuse(function, E.TensorTypeError, r"input has dtype int64", T, 0)


@pytest.mark.parametrize("case", REFUSALS, ids=lambda case: f"{case.name}-{case.message}")
def test_a_wrong_call_is_refused_as_by_torch_and_says_why(case: Refusal):
    with pytest.raises(case.error, match=case.message) as ours:
        getattr(losses, case.name)(*case.args, **case.options)
    torchs = _error_of(lambda: getattr(F, case.name)(*case.args, **case.options))
    assert isinstance(ours.value, type(torchs))
    assert isinstance(ours.value, errors.InputError)


def _error_of(call: Callable[[], Any]) -> Exception:
    with pytest.raises(Exception) as caught:  # noqa: PT011
        call()
    return caught.value


@pytest.mark.parametrize("smoothing", [-0.1, float("nan")])
def test_a_smoothing_that_torch_takes_for_zero_is_refused(smoothing: float):
    assert F.cross_entropy(Z, T, label_smoothing=smoothing) == F.cross_entropy(Z, T)
    with pytest.raises(errors.ConfigError, match="label_smoothing"):
        losses.cross_entropy(Z, T, label_smoothing=smoothing)


def test_the_first_wrong_id_is_named_and_all_are_counted():
    target = torch.arange(40) % 3
    target[[7, 8, 30]] = torch.tensor([5, 6, 7])
    with pytest.raises(errors.ClassIdError, match=r"id 5 at row 7 .*\(3 such of 40\)"):
        losses.cross_entropy(torch.zeros(40, 3), target)


def test_arrays_and_lists_are_refused_by_every_loss():
    for name in ("binary_cross_entropy", "binary_cross_entropy_with_logits"):
        with pytest.raises(errors.InputError, match=r"target is a ndarray.*as_tensor") as caught:
            getattr(losses, name)(P, Q.numpy())
        assert isinstance(caught.value, TypeError)


def test_options_are_given_by_name():
    for function in (losses.cross_entropy, losses.nll_loss, losses.binary_cross_entropy_with_logits):
        with pytest.raises(TypeError, match="positional"):
            function(Z, T, None, None)
    with pytest.raises(TypeError, match="dim"):
        losses.softmax(Z)
