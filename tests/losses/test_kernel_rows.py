"""What counts for nothing in the softmax kernels: shares of 0, padding, rows left out, batches of nothing; and NaN."""

from __future__ import annotations

import pytest
import torch
from torch.testing import assert_close

from crossentropy.losses import LossOptions, SparseTarget, cross_entropy
from crossentropy.losses import _definition as definition
from tests.losses.loss_list import Shape, class_weight, gradient, logits, random
from tests.losses.test_kernels import always, any_size, cast, every_kind  # noqa: F401
from tests.losses.test_options import row_values, some_rows, target_of


# a share that is taken off leaves less than 1
@pytest.mark.filterwarnings("ignore::crossentropy.errors.MisuseWarning")
@pytest.mark.usefixtures("always")
@every_kind
@pytest.mark.parametrize("options", [LossOptions(), LossOptions(z_loss=0.1)], ids=["plain", "options"])
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("classes", [5, 70, 600])
def test_a_share_of_zero_costs_nothing_at_minus_infinity(
    kind: str, options: LossOptions, smoothing: float, classes: int
):
    shape = Shape(rows=6, classes=classes)
    z, target, weight = logits(shape), target_of(kind, shape), class_weight(shape)
    weight[1], z[:, 1] = 0, -torch.inf
    if kind == "ids":
        target[2] = 1
    elif kind == "sparse":
        target.ids[2, 1] = 1
    z.requires_grad_()
    for reduction in ("none", "sum"):
        settings = {"reduction": reduction, "label_smoothing": smoothing, "options": options}
        ours = cross_entropy(z, target, weight, **settings)
        assert ours.isfinite().all()
        assert_close(ours, definition.cross_entropy(z, target, weight, **settings))
        assert gradient(ours, z).isfinite().all()
    if smoothing == 0 and kind != "ids":  # and where the share itself is 0
        changed = (
            target.index_fill(1, torch.tensor([1]), 0)
            if kind == "dense"
            else SparseTarget(target.ids, target.probabilities.masked_fill(target.ids == 1, 0))
        )
        assert cross_entropy(z, changed, options=options).isfinite()


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("junk", [torch.nan, torch.inf])
@every_kind
def test_what_stands_beside_a_row_that_is_left_out_takes_no_part(kind: str, junk: float):
    shape = Shape(rows=9, classes=600)
    z, target, s, out = logits(shape), target_of(kind, shape), row_values(shape), some_rows(shape)
    z[out], s[out] = junk, junk
    if kind == "dense":
        target[out] = junk
    elif kind == "sparse":
        target.probabilities[out] = junk
    z.requires_grad_()
    options = LossOptions(sample_weight=s, ignored=out)
    kept = (
        SparseTarget(target.ids[~out], target.probabilities[~out])
        if isinstance(target, tuple)
        else target[~out]
    )
    for reduction in ("mean", "none", "sum"):
        arguments = {"reduction": reduction, "options": options, "by_products": ("losses",)}
        alone = cross_entropy(z[~out], kept, reduction=reduction, options=LossOptions(sample_weight=s[~out]))
        for result in (
            cross_entropy(z, target, reduction=reduction, options=options),
            cross_entropy(z, target, **arguments).loss,
        ):
            assert_close(result[~out] if reduction == "none" else result, alone)
            slope = gradient(result, z)
            assert (slope[out] == 0).all()
            assert slope.isfinite().all()
    assert (cross_entropy(z, target, **arguments).losses[out] == 0).all()


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("entries", [2, 20])
def test_padding_of_sparse_targets_is_nothing_and_a_class_named_twice_counts_twice(entries: int):
    shape = Shape(rows=7, classes=600)
    z = logits(shape).requires_grad_()
    ids, shares = target_of("sparse", shape, entries)
    padded = SparseTarget(
        torch.cat([ids, torch.full_like(ids, -100)], 1), torch.cat([shares, torch.full_like(shares, 9.0)], 1)
    )
    padded.ids[3] = -100  # the whole row is left out
    twice = SparseTarget(torch.cat([ids, ids], 1), torch.cat([shares, shares], 1) / 2)
    keep = torch.arange(7) != 3
    weight = class_weight(shape)
    for given, rows in ((padded, keep), (twice, slice(None))):
        for options in (LossOptions(), LossOptions(soft_cap=5.0)):
            ours = cross_entropy(z, given, weight, options=options)
            expected = definition.cross_entropy(
                z[rows], SparseTarget(ids[rows], shares[rows]), weight, options=options
            )
            assert_close(ours, expected)
            assert_close(gradient(ours, z), gradient(expected, z))


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("reduction", ["none", "mean"])
def test_a_part_of_a_row_that_is_nan_throughout_is_not_passed_over(reduction: str):
    z = torch.randn(2, 9000, generator=random(0))
    z[0, :8192] = torch.nan  # whole blocks, whatever their size, and a last one without
    target = torch.tensor([8900, 8900])
    for options in (LossOptions(), LossOptions(z_loss=0.1)):
        with torch.no_grad():
            each = cross_entropy(z, target, reduction="none", options=options)
        assert each.isnan().tolist() == [True, False]
        leaf = z.clone().requires_grad_()
        loss = cross_entropy(leaf, target, reduction=reduction, options=options)
        assert gradient(loss, leaf)[0].isnan().all()


@pytest.mark.usefixtures("always")
@every_kind
@pytest.mark.parametrize("rows", [0, 6])
@pytest.mark.parametrize("options", [{}, {"z_loss": 0.1}], ids=["plain", "options"])
def test_a_batch_of_nothing_is_nan_or_zero_as_asked_for(kind: str, rows: int, options: dict[str, float]):
    shape = Shape(rows=rows, classes=600)
    z, target = logits(shape).requires_grad_(), target_of(kind, shape)
    out = torch.ones(rows, dtype=torch.bool)
    assert cross_entropy(z, target, options=LossOptions(ignored=out, **options)).isnan()
    zero = cross_entropy(z, target, options=LossOptions(ignored=out, all_ignored="zero", **options))
    assert zero == 0
    zero.backward()
    assert (z.grad == 0).all()
    weightless = LossOptions(sample_weight=torch.zeros(rows).double(), all_ignored="zero", **options)
    assert cross_entropy(z, target, options=weightless) == 0
    if rows:  # where something takes part, the choice changes nothing, and a divisor comes before it
        sound = LossOptions(all_ignored="zero", **options)
        assert_close(
            cross_entropy(z, target, options=sound), definition.cross_entropy(z, target, options=sound)
        )
        divided = LossOptions(ignored=out.index_fill(0, torch.tensor(2), False), divisor=3.0, **options)
        assert_close(
            cross_entropy(z, target, options=divided), definition.cross_entropy(z, target, options=divided)
        )


@pytest.mark.usefixtures("always")
@pytest.mark.parametrize("kind", ["dense", "sparse"])
@pytest.mark.parametrize("narrow", [torch.float16, torch.bfloat16, torch.float64], ids=str)
def test_targets_of_another_dtype_are_what_they_are_in_a_wide_one(kind: str, narrow: torch.dtype):
    shape = Shape(rows=7, classes=600)
    z, target = logits(shape).float().requires_grad_(), cast(target_of(kind, shape), narrow)
    for weight in (None, class_weight(shape).float()):
        ours = cross_entropy(z, target, weight)
        wide = cast(target, torch.float64)
        expected = definition.cross_entropy(z, wide, None if weight is None else weight.double())
        assert ours.dtype == torch.promote_types(torch.float32, narrow)
        assert_close(ours.double(), expected, rtol=2e-6, atol=0)
        assert_close(gradient(ours, z), gradient(expected, z).float(), rtol=1e-5, atol=1e-8)
