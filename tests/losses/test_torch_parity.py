"""Equality with torch: every combination of options, torch's own samples, the modules, autocast."""

from __future__ import annotations

import itertools
import pickle
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from crossentropy import losses
from tests.losses.loss_list import (
    BINARY,
    ID_LOSSES,
    LOSSES,
    PROBABILITIES,
    REDUCTIONS,
    SOFT,
    Loss,
    Shape,
    class_weight,
    distributions,
    element_weight,
    gradient,
    ids,
    logits,
)

SHAPES = [Shape(), Shape(rows=3, classes=4, extra=(2,)), Shape(rows=2, classes=3, extra=(2, 1, 2))]
DTYPES = [torch.float32, torch.float64]


def compare(ours: Any, torchs: Any, input: torch.Tensor, *others: torch.Tensor) -> None:
    assert ours.dtype == torchs.dtype
    assert_close(ours, torchs, equal_nan=True)
    for tensor in (input, *others):
        assert_close(gradient(ours.clone(), tensor), gradient(torchs.clone(), tensor), equal_nan=True)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_every_combination_of_class_ids(shape: Shape, reduction: str, dtype: torch.dtype):
    input = logits(shape).to(dtype).requires_grad_()
    target = ids(shape)
    target[0] = -100
    weights = [None, class_weight(shape).to(dtype), -class_weight(shape).to(dtype)]
    for weight, ignored, smoothing in itertools.product(weights, [-100, 1, 0], [0.0, 0.1, 1.0]):
        sound = target.masked_fill(target == -100, 0) if ignored != -100 else target
        options = {"weight": weight, "ignore_index": ignored, "reduction": reduction}
        compare(
            losses.cross_entropy(input, sound, label_smoothing=smoothing, **options),
            F.cross_entropy(input, sound, label_smoothing=smoothing, **options),
            input,
        )
        compare(losses.nll_loss(input, sound, **options), F.nll_loss(input, sound, **options), input)


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_every_combination_of_distributions(shape: Shape, reduction: str, dtype: torch.dtype):
    input = logits(shape).to(dtype).requires_grad_()
    target = distributions(shape).to(dtype).requires_grad_()
    for weight, smoothing in itertools.product([None, class_weight(shape).to(dtype)], [0.0, 0.1, 1.0]):
        options = {"weight": weight, "reduction": reduction, "label_smoothing": smoothing}
        compare(
            losses.cross_entropy(input, target, **options),
            F.cross_entropy(input, target, **options),
            input,
            target,
        )


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_every_combination_of_binary_targets(shape: Shape, reduction: str, dtype: torch.dtype):
    input, target = BINARY.make(shape, dtype)
    input.requires_grad_()
    target.requires_grad_()
    last = torch.rand(shape.full[-1]).to(dtype)
    weights = [None, element_weight(shape).to(dtype), last, last.double(), torch.tensor([2.0], dtype=dtype)]
    for weight, pos_weight in itertools.product(weights, weights):
        options = {"weight": weight, "pos_weight": pos_weight, "reduction": reduction}
        compare(
            losses.binary_cross_entropy_with_logits(input, target, **options),
            F.binary_cross_entropy_with_logits(input, target, **options),
            input,
            target,
        )
    p = PROBABILITIES.make(shape, dtype)[0].requires_grad_()
    for weight in weights:
        options = {"weight": weight, "reduction": reduction}
        compare(
            losses.binary_cross_entropy(p, target, **options),
            F.binary_cross_entropy(p, target, **options),
            p,
            target,
        )


def test_a_single_row_takes_a_target_of_one_element():
    input, target = logits(Shape())[0], torch.tensor([2])
    for reduction in REDUCTIONS:
        ours, torchs = (
            f(input, target, reduction=reduction) for f in (losses.cross_entropy, F.cross_entropy)
        )
        assert ours.shape == torchs.shape == ()
        assert_close(ours, torchs)


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:torch",
    "ignore::UserWarning:torch",
    "ignore::FutureWarning",
    "ignore::crossentropy.errors.MisuseWarning",  # torch's distributions are not normalised
)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize(
    "name", ["cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits"]
)
def test_torchs_own_sample_inputs(name: str, dtype: torch.dtype):
    from torch.testing._internal.common_methods_invocations import op_db

    (op,) = [op for op in op_db if op.name == f"nn.functional.{name}"]
    samples = list(op.sample_inputs("cpu", dtype, requires_grad=True))
    assert len(samples) > 10
    for sample in samples:
        arguments = (sample.input, *sample.args)
        compare(
            getattr(losses, name)(*arguments, **sample.kwargs), op(*arguments, **sample.kwargs), sample.input
        )


MODULES = [
    ("CrossEntropyLoss", {}, Shape()),
    (
        "CrossEntropyLoss",
        {"weight": class_weight(Shape()), "label_smoothing": 0.1, "ignore_index": 1},
        Shape(),
    ),
    ("CrossEntropyLoss", {"reduction": "sum"}, Shape(extra=(2,))),
    ("BCEWithLogitsLoss", {}, Shape()),
    ("BCEWithLogitsLoss", {"weight": element_weight(Shape()), "pos_weight": class_weight(Shape())}, Shape()),
    ("BCEWithLogitsLoss", {"reduction": "none"}, Shape()),
    ("BCELoss", {}, Shape()),
    ("BCELoss", {"weight": class_weight(Shape()), "reduction": "sum"}, Shape()),
]


@pytest.mark.parametrize(("name", "options", "shape"), MODULES, ids=lambda value: str(value)[:40])
def test_the_modules_are_torchs(name: str, options: dict[str, Any], shape: Shape):
    ours, torchs = getattr(losses, name)(**options), getattr(torch.nn, name)(**options)
    loss = next(member for member in LOSSES if member.module is type(ours))
    input, target = loss.make(shape)
    input.requires_grad_()
    compare(ours(input, target), torchs(input, target), input)
    assert isinstance(ours, getattr(torch.nn, name))
    assert repr(ours) == repr(torchs)
    assert list(ours.state_dict()) == list(torchs.state_dict()) == [k for k in options if "weight" in k]
    ours.load_state_dict(torchs.state_dict())
    assert ours.double().float().state_dict().keys() == torchs.state_dict().keys()
    again = pickle.loads(pickle.dumps(getattr(losses, name)(**options)))
    assert_close(again(input, target), torchs(input, target))


@pytest.mark.parametrize("loss", LOSSES, ids=str)
def test_under_autocast_the_loss_is_float32_as_torchs(loss: Loss):
    input, target = loss.make(Shape(), torch.bfloat16)
    weight = loss.make_weight(Shape()).float()
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours, torchs = (f(input, target, weight=weight, **loss.fixed) for f in (loss.function, loss.torchs))
        assert ours.dtype == torchs.dtype == torch.float32
        assert_close(ours, torchs)
        wide, wide_target = loss.make(Shape())
        assert loss(wide, wide_target).dtype == loss.by_torch(wide, wide_target).dtype == torch.float64
    if loss in ID_LOSSES:  # without autocast the dtypes must fit, as in torch
        with pytest.raises(RuntimeError):
            loss(input, target, weight=weight)


def test_class_weights_promote_with_distributions():
    input, target = SOFT.make(Shape(), torch.float32)
    weight = class_weight(Shape())
    ours, torchs = (f(input, target, weight=weight) for f in (losses.cross_entropy, F.cross_entropy))
    assert ours.dtype == torchs.dtype == torch.float64
    assert_close(ours, torchs)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_takes_torchs_dtype(name: str):
    integers = torch.tensor([[1, 2, 3]])
    ours, torchs = (getattr(room, name)(integers, dim=1, dtype=torch.float64) for room in (losses, F))
    assert torch.equal(ours, torchs)
    half = torch.tensor([[1.0, 2.0, 3.0]], dtype=torch.float16)
    assert getattr(losses, name)(half, 1).dtype == torch.float16


@pytest.mark.parametrize("shape", [(), (0,), (4,), (2, 3)], ids=str)
def test_one_hot_is_torchs(shape: tuple[int, ...]):
    target = torch.randint(5, shape)
    for classes in (5, 8, -1):
        if target.numel() or classes > 0:
            assert torch.equal(losses.one_hot(target, classes), F.one_hot(target, classes))
