"""Logits (N, K, d1, ...), as of images: errors, and what one position may do to the others."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from torch.testing import assert_close

from crossentropy.losses import LossOptions, cross_entropy
from crossentropy.losses import _definition as definition
from crossentropy.losses import _fast as fast
from tests.losses.loss_list import Shape, gradient, logits
from tests.losses.test_kernels import cast, every_kind, worst
from tests.losses.test_options import row_values, some_rows, target_of


@pytest.fixture(autouse=True, params=["as they lie", "copied"])
def kernels(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels whatever the size, on the logits as they lie or with the classes brought together first."""
    never = 1 << 60
    monkeypatch.setattr(fast, "WORTH_A_KERNEL", 1)
    monkeypatch.setattr(fast, "_SIDE_BY_SIDE", 1 if request.param == "as they lie" else never)
    monkeypatch.setattr(fast, "_MOST_LINES", never)


@every_kind
@pytest.mark.parametrize("dtype", fast.DTYPES, ids=str)
@pytest.mark.parametrize(
    ("rows", "classes", "extra"),
    [(1, 2, (1, 1)), (3, 3, (257,)), (2, 17, (63,)), (2, 65, (5, 13)), (1, 20011, (3,))],
    ids=str,
)  # fmt: skip
def test_the_error_is_at_most_that_of_torch(
    kind: str, dtype: torch.dtype, rows: int, classes: int, extra: tuple[int, ...]
):
    shape = Shape(rows=rows, classes=classes, extra=extra, spread=4.0)
    target = cast(target_of(kind, shape), dtype)
    z = logits(shape).to(dtype).requires_grad_()
    exact_z = z.detach().double().requires_grad_()
    torchs_target = definition.dense(target, z, -100) if kind == "sparse" else target
    for reduction, smoothing in (("mean", 0.0), ("none", 0.0), ("sum", 0.1)):
        options = {"reduction": reduction, "label_smoothing": smoothing}
        ours = cross_entropy(z, target, **options)
        torchs = F.cross_entropy(z, torchs_target, **options)
        truth = definition.cross_entropy(exact_z, cast(target, torch.float64), **options)
        assert ours.dtype == torchs.dtype == dtype
        assert ours.shape == torchs.shape
        tolerance = 4 * torch.finfo(dtype).eps
        assert worst(ours, truth) <= worst(torchs, truth) + tolerance
        ours, torchs, truth = (gradient(v, at) for v, at in ((ours, z), (torchs, z), (truth, exact_z)))
        assert worst(ours, truth) <= worst(torchs, truth) + tolerance


@pytest.mark.parametrize("junk", [torch.nan, torch.inf])
@pytest.mark.parametrize("classes", [5, 300])
def test_nan_and_infinity_propagate_from_their_position_alone_and_not_if_left_out(junk: float, classes: int):
    shape = Shape(rows=2, classes=classes, extra=(70,))
    z, target = logits(shape), target_of("ids", shape)
    z[1, classes - 2, 4] = junk
    z.requires_grad_()
    bad = torch.zeros(2, 70, dtype=torch.bool)
    bad[1, 4] = True
    each = cross_entropy(z, target, reduction="none")
    assert torch.equal(each.isnan(), bad)
    slope = gradient(each, z).movedim(1, -1)
    assert slope[bad].isnan().all()
    assert slope[~bad].isfinite().all()
    out = cross_entropy(z, target.masked_fill(bad, 255), ignore_index=255)
    slope = gradient(out, z).movedim(1, -1)
    assert (slope[bad] == 0).all()
    assert slope.isfinite().all()


@pytest.mark.parametrize("classes", [6, 300])
def test_minus_infinities_cost_nothing_where_the_target_is_another(classes: int):
    z = logits(Shape(rows=1, classes=classes, extra=(40,)))
    z[:, : classes // 2] = -torch.inf
    z[0, :, 7] = -torch.inf
    z.requires_grad_()
    target = torch.full((1, 40), classes - 1)
    each = cross_entropy(z, target, reduction="none")[0]
    rest = torch.arange(40) != 7
    assert each[7].isnan()
    assert_close(each[rest], F.cross_entropy(z, target, reduction="none")[0, rest])
    slope = gradient(each[rest].sum(), z)[0][:, rest]
    assert (slope[: classes // 2] == 0).all()
    assert slope.isfinite().all()


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e4])
def test_a_shift_costs_no_digits(offset: float):
    z = torch.tensor([[0.0, 1.0, 2.0]])[..., None].expand(1, 3, 40).contiguous() + offset
    for k in range(3):
        target = torch.full((1, 40), k)
        truth = definition.cross_entropy(z.double(), target).float()
        assert_close(cross_entropy(z, target), truth, rtol=1e-6, atol=0)


def test_nothing_of_the_callers_is_written_to_and_threads_agree():
    shape = Shape(rows=3, classes=40, extra=(90, 90))
    z, target, s = logits(shape).float(), target_of("ids", shape), row_values(shape)
    options = LossOptions(sample_weight=s.float(), ignored=some_rows(shape), z_loss=0.1)
    before = [t.clone() for t in (z, target, options.sample_weight, options.ignored)]
    found = []
    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            leaf = z.detach().requires_grad_()
            loss = cross_entropy(leaf, target, options=options)
            loss.backward()
            found.append((loss.detach(), leaf.grad))
    finally:
        torch.set_num_threads(threads)
    for loss, slope in found[1:]:
        assert torch.equal(loss, found[0][0])
        assert torch.equal(slope, found[0][1])
    for tensor, copy in zip((z, target, options.sample_weight, options.ignored), before, strict=True):
        assert torch.equal(tensor, copy)
