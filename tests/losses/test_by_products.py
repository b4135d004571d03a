"""By-products made in the kernels' pass over the logits: those of the definition, whatever the rows hold."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from crossentropy.losses import LossOptions, cross_entropy
from crossentropy.losses import _definition as definition
from crossentropy.losses import _fast as fast
from crossentropy.losses._options import BY_PRODUCTS
from tests.losses.loss_list import Shape, class_weight, gradient, logits
from tests.losses.test_kernels import cast, every_kind
from tests.losses.test_options import combinations, row_values, some_rows, target_of

SHAPES = [
    Shape(rows=5, classes=3),
    Shape(rows=3, classes=9000),
    Shape(rows=2, classes=70, extra=(3, 5)),
    Shape(rows=0, classes=4),
]
FACTS = [name for name in BY_PRODUCTS if name != "losses"]


@pytest.fixture(autouse=True)
def kernels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fast, "WORTH_A_KERNEL", 0)


def held_against_the_definition(z, target, options, dtype):
    result = cross_entropy(z, target, options=options, by_products=BY_PRODUCTS)
    wide = torch.promote_types(dtype, torch.float32)
    expected = definition.by_products(z.detach().to(wide), target, -100, options)
    for name in FACTS:
        found = getattr(result, name)
        assert found.dtype == expected[name].dtype
        assert_close(found, expected[name], equal_nan=True)
    return result


@every_kind
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("dtype", fast.DTYPES, ids=str)
def test_they_are_those_of_the_definition(kind: str, shape: Shape, dtype: torch.dtype):
    z, target = logits(shape).to(dtype).requires_grad_(), cast(target_of(kind, shape), dtype)
    for options in (LossOptions(), *combinations(shape), LossOptions(top_k=50, ignored=some_rows(shape))):
        options = cast(options, dtype)
        result = held_against_the_definition(z, target, options, dtype)
        if shape.rows:
            assert_close(result.loss, cross_entropy(z, target, options=options))
            assert_close(gradient(result.loss, z), gradient(cross_entropy(z, target, options=options), z))


@every_kind
def test_the_losses_are_those_that_are_not_reduced(kind: str):
    shape = Shape(rows=4, classes=500)
    z, target, weight = logits(shape), target_of(kind, shape), class_weight(shape)
    options = LossOptions(sample_weight=row_values(shape), divisor=7.0, z_loss=0.2)
    result = cross_entropy(z, target, weight, options=options, by_products=["losses"], label_smoothing=0.1)
    each = LossOptions(sample_weight=row_values(shape), z_loss=0.2)
    assert_close(
        result.losses,
        cross_entropy(z, target, weight, options=each, reduction="none", label_smoothing=0.1),
    )
    assert_close(result.losses.sum() / 7, result.loss)


def test_equal_logits_come_in_the_order_of_their_classes():
    generator = torch.Generator().manual_seed(0)
    z = torch.randint(0, 4, (40, 5000), generator=generator).float()
    target = torch.randint(5000, (40,), generator=generator)
    held_against_the_definition(z, target, LossOptions(top_k=200), z.dtype)
    held_against_the_definition(torch.zeros(3, 4100), target[:3] % 4100, LossOptions(top_k=3), z.dtype)
    rising = torch.arange(5000.0).expand(2, 5000)
    held_against_the_definition(rising, target[:2], LossOptions(top_k=70), z.dtype)


def test_rows_that_are_not_finite_are_those_of_the_definition():
    z = torch.randn(6, 5000, generator=torch.Generator().manual_seed(1))
    z[0, 17], z[1, 4800], z[2], z[3, :4500] = torch.nan, torch.inf, -torch.inf, -torch.inf
    target = torch.tensor([17, 3, 4, 5, 4900, -100])
    result = held_against_the_definition(z, target, LossOptions(), z.dtype)
    assert result.target_probability[3] == 0
    assert result.argmax[5] == -1
    assert result.logsumexp.isfinite().tolist() == [False, False, False, True, True, True]
