"""The three-way error test of the softmax kernels with all that may be asked for: at most that of torch in the dtype.

Truth is the definition in float64 on the same logits; torch is its own function after the transformations by hand, in
the dtype of the logits. Then what torch has no function for: 16 bits that are rounded once, and long sums.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from crossentropy.losses import LossOptions, cross_entropy
from crossentropy.losses import _definition as definition
from crossentropy.losses import _fast as fast
from tests.losses.loss_list import Shape, class_weight, gradient, logits, random
from tests.losses.test_kernels import always, any_size, cast, every_kind, worst  # noqa: F401
from tests.losses.test_options import row_values, some_rows, target_of

FACTS = ("logsumexp", "entropy", "target_probability")
SIZES = [(7, 1), (7, 2), (7, 3), (7, 17), (3, 1000), (2, 50257), (0, 17), (1, 3), (1031, 3), (531, 17)]


def options_of(shape: Shape) -> LossOptions:
    return LossOptions(
        bias=torch.randn(shape.classes, generator=random(11), dtype=torch.float64),
        soft_cap=9.0,
        temperature=0.8,
        z_loss=0.01,
        sample_weight=row_values(shape),
        ignored=some_rows(shape),
    )


def by_torch(z: Tensor, target: Any, weight: Tensor, smoothing: float, o: LossOptions) -> Tensor:
    """sum_i s_i l_i by torch's function and operators, in the dtype of the logits."""
    if o.bias is not None:
        z = o.soft_cap * torch.tanh((z + o.bias) / o.soft_cap) / o.temperature
    dense = definition.dense(target, z, -100)
    each = F.cross_entropy(z, dense, weight, reduction="none", label_smoothing=smoothing)
    each = each + o.z_loss * z.logsumexp(1).square()
    each = each if o.sample_weight is None else each * o.sample_weight
    return (each if o.ignored is None else each.masked_fill(o.ignored, 0)).sum()


@every_kind
@pytest.mark.parametrize("dtype", fast.DTYPES, ids=str)
@pytest.mark.parametrize(("rows", "classes"), SIZES)
@pytest.mark.usefixtures("always")
def test_with_weights_smoothing_and_options(kind: str, dtype: torch.dtype, rows: int, classes: int):
    shape = Shape(rows=rows, classes=classes, seed=classes, spread=4.0)
    target, weight = cast(target_of(kind, shape), dtype), class_weight(shape).to(dtype)
    z = logits(shape).to(dtype).requires_grad_()
    exact_z = z.detach().double().requires_grad_()
    for smoothing, options in ((0.0, LossOptions()), (0.1, LossOptions()), (0.1, options_of(shape))):
        options = cast(options, dtype)
        settings = {"reduction": "sum", "label_smoothing": smoothing}
        ours = cross_entropy(z, target, weight, options=options, **settings)
        torchs = by_torch(z, target, weight, smoothing, options)
        truth = definition.cross_entropy(
            exact_z,
            cast(target, torch.float64),
            weight.double(),
            options=cast(options, torch.float64),
            **settings,
        )
        tolerance = 8 * torch.finfo(dtype).eps
        assert worst(ours, truth) <= worst(torchs, truth) + tolerance
        ours, torchs, truth = (gradient(v, at) for v, at in ((ours, z), (torchs, z), (truth, exact_z)))
        assert worst(ours, truth) <= worst(torchs, truth) + tolerance


@every_kind
@pytest.mark.parametrize("dtype", fast.DTYPES, ids=str)
@pytest.mark.parametrize(("rows", "classes"), SIZES)
@pytest.mark.usefixtures("any_size")
def test_of_by_products(kind: str, dtype: torch.dtype, rows: int, classes: int):
    shape = Shape(rows=rows, classes=classes, seed=classes, spread=4.0)
    target, z = cast(target_of(kind, shape), dtype), logits(shape).to(dtype)
    result = cross_entropy(z, target, by_products=FACTS)
    # 16 bits are computed in float32 here, and so they are in torch's own reductions
    wide = torch.promote_types(dtype, torch.float32)
    torchs = definition.by_products(z.to(wide), cast(target, wide))
    truth = definition.by_products(z.double(), cast(target, torch.float64))
    for name in FACTS:
        ours, exact = getattr(result, name), truth[name]
        assert ours.dtype == wide
        assert worst(ours, exact) <= worst(torchs[name], exact) + 4 * torch.finfo(wide).eps
        if name != "target_probability":
            assert (ours >= 0).all() or name == "logsumexp"


@every_kind
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("classes", [3, 70, 600])
@pytest.mark.usefixtures("always")
def test_slopes_in_16_bits_are_rounded_once(kind: str, smoothing: float, classes: int):
    # peaked rows whose target is the peak: p - 1 is small, and a p that was rounded before would show in it
    shape = Shape(rows=40, classes=classes, spread=1.0)
    target = target_of(kind, shape)
    z = logits(shape).scatter(1, definition.likeliest(target, -100).unsqueeze(1), 5.0).bfloat16()
    target = cast(target, torch.bfloat16)
    slopes = []
    for dtype in (torch.bfloat16, torch.float64):
        leaf = z.to(dtype).requires_grad_()
        loss = cross_entropy(leaf, cast(target, dtype), reduction="sum", label_smoothing=smoothing)
        slopes.append(torch.autograd.grad(loss, leaf)[0].double())
    ours, exact = slopes
    half_a_step = torch.finfo(torch.bfloat16).eps / 2
    assert ((ours - exact).abs() <= half_a_step * exact.abs() + 4e-7).all()


def test_numbers_become_16_bits_as_in_torch():
    from crossentropy.losses._row_loops import put

    every = torch.arange(0, 1 << 16).to(torch.uint16).view(torch.bfloat16).float()
    between = torch.cat([every, every.view(torch.int32).add(0x8000).view(torch.float32)])
    near = torch.cat(
        [between, *(between.view(torch.int32).add(step).view(torch.float32) for step in (-1, 1))]
    )
    out = np.zeros(len(near), np.uint16)
    put(near.numpy(), out)
    found = torch.from_numpy(out).view(torch.bfloat16)
    assert_close(found, near.bfloat16(), rtol=0, atol=0, equal_nan=True)


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("smoothing", [0.0, 0.1])
@pytest.mark.parametrize("dense", [False, True])
def test_long_sums_of_equal_terms_lose_no_digits(dense: bool, smoothing: float):
    # every rounding of a sum of equal terms goes the same way
    classes = 600_000
    z = torch.full((1, classes), -3.1)
    z[0, 7] = 0.0
    target: Any = torch.full((1, classes), 1 / classes) if dense else torch.tensor([9])
    ours = cross_entropy(z, target, label_smoothing=smoothing)
    truth = definition.cross_entropy(
        z.double(), target.double() if dense else target, label_smoothing=smoothing
    )
    assert_close(ours.double(), truth, rtol=3e-7, atol=0)
