"""The CPU kernels against the definition and torch: every option, dtype and odd size, and how they meet autograd."""

from __future__ import annotations

import threading
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from crossentropy import losses
from crossentropy.losses import LossOptions, SparseTarget, cross_entropy
from crossentropy.losses import _definition as definition
from crossentropy.losses import _fast as fast
from tests.losses.loss_list import REDUCTIONS, Shape, binary_targets, class_weight, gradient, logits, random
from tests.losses.test_options import combinations, row_values, some_rows, target_of

KINDS = ["ids", "dense", "sparse"]
every_kind = pytest.mark.parametrize("kind", KINDS)
DTYPES = [torch.float32, torch.float64, torch.bfloat16, torch.float16]


@pytest.fixture
def any_size(monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels whatever the size."""
    monkeypatch.setattr(fast, "WORTH_A_KERNEL", 1)


@pytest.fixture(params=["rows", "columns"])
def always(any_size: None, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernels whatever the size: each row alone, or many together."""
    never = 1 << 60
    alone = request.param == "rows"
    monkeypatch.setattr(fast, "LONG_ROW", 1 if alone else never)
    monkeypatch.setattr(fast, "_SIDE_BY_SIDE", never if alone else 1)
    monkeypatch.setattr(fast, "_MOST_LINES", never)


def cast(value: Any, dtype: torch.dtype) -> Any:
    if isinstance(value, SparseTarget):
        return SparseTarget(value.ids, value.probabilities.to(dtype))
    if isinstance(value, LossOptions):
        return replace(value, bias=cast(value.bias, dtype), sample_weight=cast(value.sample_weight, dtype))
    return value.to(dtype) if isinstance(value, Tensor) and value.is_floating_point() else value


def worst(approximate: Tensor, exact: Tensor) -> float:
    error = (approximate.double() - exact).abs() / (1 + exact.abs())
    return error.max().item() if error.numel() else 0.0


@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("size", [1, 3, 4095, 4097, 20000])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_error_of_the_binary_kernel_is_at_most_that_of_torch(
    any_size: None, dtype: torch.dtype, size: int, reduction: str
):
    shape = Shape(rows=size, classes=1, spread=6.0)
    z, y = logits(shape).to(dtype).requires_grad_(), binary_targets(shape).to(dtype)
    exact_z = z.detach().double().requires_grad_()
    ours, torchs = (
        f(z, y, reduction=reduction)
        for f in (losses.binary_cross_entropy_with_logits, F.binary_cross_entropy_with_logits)
    )
    truth = definition.binary_cross_entropy_with_logits(exact_z, y.double(), reduction=reduction)
    assert ours.dtype == torchs.dtype == dtype
    tolerance = 4 * torch.finfo(dtype).eps
    assert worst(ours, truth) <= worst(torchs, truth) + tolerance
    ours, torchs, truth = (gradient(v, at) for v, at in ((ours, z), (torchs, z), (truth, exact_z)))
    assert worst(ours, truth) <= worst(torchs, truth) + tolerance


@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_the_binary_kernel_meets_autograd(any_size: None, reduction: str):
    z, y = logits(Shape()).requires_grad_(), binary_targets(Shape())

    def value(z: Tensor) -> Tensor:
        return losses.binary_cross_entropy_with_logits(z, y, reduction=reduction)

    assert torch.autograd.gradcheck(value, z)
    assert torch.autograd.gradgradcheck(value, z)
    output = value(z * 1.0)
    assert "_Binary" in str(output.grad_fn.next_functions) + str(output.grad_fn)
    first = torch.autograd.grad(output, z, retain_graph=True)[0]
    kept = first.clone()
    first.zero_()
    assert_close(torch.autograd.grad(output, z, torch.tensor(-2.0).double())[0], -2 * kept)
    slope = torch.func.grad(value)(z.detach())
    assert_close(slope, kept)
    with torch.no_grad():
        assert_close(value(z), output.detach())


def test_infinite_logits_on_the_right_side_cost_nothing_in_the_binary_kernel(any_size: None):
    inf = torch.inf
    for pair, loss in (((inf, 1.0), 0.0), ((-inf, 0.0), 0.0), ((inf, 0.0), inf), ((-inf, 1.0), inf)):
        z, y = (torch.full((5,), v) for v in pair)
        assert losses.binary_cross_entropy_with_logits(z, y) == loss
    assert losses.binary_cross_entropy_with_logits(torch.full((5,), torch.nan), y).isnan()


def test_the_kernels_are_used_where_they_say(always: None):
    z, t = logits(Shape()).requires_grad_(), target_of("ids", Shape())
    assert "_CrossEntropy" in str(cross_entropy(z, t, reduction="sum").grad_fn)
    assert "_CrossEntropy" not in str(cross_entropy(z.half(), t).grad_fn)


@every_kind
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
@pytest.mark.parametrize("classes", [1, 2, 3, 17, 65, 1000, 50257])
@pytest.mark.parametrize("rows", [0, 1, 7])
def test_the_error_is_at_most_that_of_torch(
    always: None, kind: str, dtype: torch.dtype, rows: int, classes: int
):
    shape = Shape(rows=rows, classes=classes, seed=rows, spread=4.0)
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
        if rows == 0:
            assert_close(ours, torchs, equal_nan=True)
            continue
        # an exponential of relative error 1.2e-7, a sum of them, and the rounding of the result
        tolerance = 4 * torch.finfo(dtype).eps
        assert worst(ours, truth) <= worst(torchs, truth) + tolerance
        ours, torchs, truth = (gradient(v, at) for v, at in ((ours, z), (torchs, z), (truth, exact_z)))
        assert worst(ours, truth) <= worst(torchs, truth) + tolerance


@every_kind
@pytest.mark.parametrize(
    "shape",
    [
        Shape(rows=6, classes=5),
        Shape(rows=3, classes=4, extra=(2, 3)),
        Shape(rows=3, classes=5000),
        Shape(
            rows=531, classes=19
        ),  # more rows than go together, and whole blocks of eight with some left over
        Shape(rows=2, classes=11, extra=(5, 103)),
    ],
    ids=str,
)
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("weighted", [False, True])
def test_every_option_is_that_of_the_definition(
    always: None, kind: str, shape: Shape, reduction: str, weighted: bool
):
    z, target = logits(shape).requires_grad_(), target_of(kind, shape)
    weight = class_weight(shape) if weighted else None
    for options in [LossOptions(), *combinations(shape), LossOptions(all_ignored="zero")]:
        for smoothing in (0.0, 0.2):
            arguments = {"reduction": reduction, "label_smoothing": smoothing, "options": options}
            ours = cross_entropy(z, target, weight, **arguments)
            defined = definition.cross_entropy(z, target, weight, **arguments)
            assert_close(ours, defined)
            assert_close(gradient(ours, z), gradient(defined, z))
            with torch.no_grad():
                assert_close(cross_entropy(z, target, weight, **arguments), defined.detach())


@every_kind
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_derivatives_of_the_kernels_are_finite_differences(always: None, kind: str, reduction: str):
    shape = Shape(rows=4, classes=3)
    z, target = logits(shape).requires_grad_(), target_of(kind, shape)
    options = combinations(shape)[-1]

    def value(z: Tensor) -> Tensor:
        return cross_entropy(z, target, reduction=reduction, options=options, label_smoothing=0.1)

    assert torch.autograd.gradcheck(value, z)
    assert torch.autograd.gradgradcheck(value, z)


@every_kind
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_second_backward_gives_the_same_even_if_the_first_result_was_changed(
    always: None, kind: str, reduction: str
):
    z, target = logits(Shape()).requires_grad_(), target_of(kind, Shape())
    output = cross_entropy(z * 1.0, target, reduction=reduction)
    upstream = torch.randn(output.shape, generator=random(3), dtype=torch.float64)
    first = torch.autograd.grad(output, z, upstream, retain_graph=True)[0]
    kept = first.clone()
    first.zero_()
    assert_close(torch.autograd.grad(output, z, -2 * upstream)[0], -2 * kept)


def test_hessian_products_are_those_of_the_definition(always: None):
    z, t = logits(Shape()).requires_grad_(), target_of("ids", Shape())
    v = torch.randn(Shape().full, generator=random(4), dtype=torch.float64)
    products = []
    for function in (cross_entropy, definition.cross_entropy):
        (slope,) = torch.autograd.grad(function(z, t), z, create_graph=True)
        products.append(torch.autograd.grad((slope * v).sum(), z)[0])
    p = z.detach().softmax(1)
    closed = p * v - p * (p * v).sum(1, keepdim=True)
    assert_close(products[0], products[1])
    assert_close(products[0], closed / Shape().rows)


@pytest.mark.parametrize("junk", [torch.nan, torch.inf])
@every_kind
def test_nan_and_infinity_propagate_from_their_row_alone(always: None, kind: str, junk: float):
    shape = Shape(rows=3, classes=5000)
    z, target = logits(shape), target_of(kind, shape)
    z[1, 4321] = junk
    z.requires_grad_()
    each = cross_entropy(z, target, reduction="none")
    assert each.isnan().tolist() == [False, True, False]
    slope = gradient(each, z)
    assert slope[1].isnan().all()
    assert slope[[0, 2]].isfinite().all()
    assert cross_entropy(z, target).isnan()


def test_a_row_of_minus_infinities_is_nan_and_a_block_of_them_costs_nothing(always: None):
    z = torch.randn(2, 9000, generator=random(0), dtype=torch.float64)
    z[0], z[1, :5000] = -torch.inf, -torch.inf
    z.requires_grad_()
    each = cross_entropy(z, torch.tensor([5000, 8000]), reduction="none")
    assert each[0].isnan()
    assert_close(each[1], F.cross_entropy(z[1, 5000:], torch.tensor(3000)))
    slope = gradient(each, z)[1]
    assert (slope[:5000] == 0).all()
    assert slope.isfinite().all()


@every_kind
@pytest.mark.parametrize("classes", [5, 90, 500])
def test_a_share_of_a_class_of_minus_infinity_costs_infinity_and_not_nan(
    always: None, kind: str, classes: int
):
    shape = Shape(rows=3, classes=classes)
    z, target = logits(shape), target_of(kind, shape)
    z[1, 1] = -torch.inf
    each = cross_entropy(z, target, reduction="none", label_smoothing=0.1)
    assert each.isinf().tolist() == [False, True, False]
    assert_close(each, definition.cross_entropy(z, target, reduction="none", label_smoothing=0.1))


@pytest.mark.parametrize("offset", [0.0, 1e3, 1e4])
def test_a_shift_costs_the_kernels_no_digits(always: None, offset: float):
    z = torch.tensor([[0.0, 1.0, 2.0]]) + offset
    for k in range(3):
        truth = definition.cross_entropy(z.double(), torch.tensor([k])).float()
        assert_close(cross_entropy(z, torch.tensor([k])), truth, rtol=1e-6, atol=0)


def test_nothing_of_the_callers_is_written_to_and_threads_agree(always: None):
    shape = Shape(rows=600, classes=1500)
    z, target, s = logits(shape).float(), target_of("ids", shape), row_values(shape)
    target[::7] = -100
    options = LossOptions(sample_weight=s.float(), ignored=some_rows(shape), z_loss=0.1)
    before = [t.clone() for t in (z, target, options.sample_weight, options.ignored)]
    found: list[tuple[Tensor, Tensor]] = []

    def work() -> None:
        leaf = z.detach().requires_grad_()
        loss = cross_entropy(leaf, target, options=options)
        loss.backward()
        found.append((loss.detach(), leaf.grad))

    threads = torch.get_num_threads()
    try:
        for count in (1, 2, 3):
            torch.set_num_threads(count)
            crowd = [threading.Thread(target=work) for _ in range(3)]
            for one in crowd:
                one.start()
            for one in crowd:
                one.join()
    finally:
        torch.set_num_threads(threads)
    assert len(found) == 9
    for loss, slope in found[1:]:
        assert torch.equal(loss, found[0][0])
        assert torch.equal(slope, found[0][1])
    for tensor, copy in zip((z, target, options.sample_weight, options.ignored), before, strict=True):
        assert torch.equal(tensor, copy)


def test_strides_shapes_and_leaves(always: None):
    z = logits(Shape(rows=4, classes=6, extra=(5,)))
    t = target_of("ids", Shape(rows=4, classes=6, extra=(5,)))
    for view in (z, z.transpose(0, 2).contiguous().transpose(0, 2), z.expand(4, 6, 5)):
        leaf = view.detach().requires_grad_()
        each = cross_entropy(leaf, t, reduction="none")
        assert_close(each, F.cross_entropy(view, t, reduction="none"))
        assert gradient(each, leaf).shape == z.shape
    alone = z[0, :, 0].requires_grad_()
    assert cross_entropy(alone, t[0, 0], reduction="none").shape == ()


def test_gradients_of_weights_and_targets_still_flow(always: None):
    z, q = logits(Shape()), target_of("dense", Shape()).requires_grad_()
    w = class_weight(Shape()).requires_grad_()
    ours, torchs = (f(z, q, w) for f in (cross_entropy, F.cross_entropy))
    for at in (q, w):
        assert_close(gradient(ours, at), gradient(torchs, at))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_transforms_and_compile_give_the_same(always: None):
    z, t = logits(Shape()), target_of("ids", Shape())
    slope = torch.func.grad(lambda z: cross_entropy(z, t))(z)
    leaf = z.clone().requires_grad_()
    cross_entropy(leaf, t).backward()
    assert_close(slope, leaf.grad)
    rows = torch.func.vmap(torch.func.grad(lambda z, t: cross_entropy(z, t)))(z, t)
    assert_close(rows / len(z), slope)
    with torch.autograd.forward_ad.dual_level():
        dual = torch.autograd.forward_ad.make_dual(z, torch.ones_like(z))
        tangent = torch.autograd.forward_ad.unpack_dual(cross_entropy(dual, t)).tangent
    assert_close(tangent, slope.sum())
    compiled = torch.compile(cross_entropy, backend="eager", fullgraph=True)
    assert_close(compiled(z, t), cross_entropy(z, t))
    assert cross_entropy(z.to("meta"), t.to("meta")).is_meta


def test_autocast_and_modules_run_the_kernels(always: None):
    z, t = logits(Shape()).bfloat16().requires_grad_(), target_of("ids", Shape())
    with torch.autocast("cpu", dtype=torch.bfloat16):
        loss = losses.CrossEntropyLoss()(z, t)
    assert loss.dtype == torch.float32
    loss.backward()
    assert z.grad.dtype == torch.bfloat16
    assert_close(loss, F.cross_entropy(z.float(), t))


@pytest.mark.parametrize(
    ("dtype", "lowest", "bound"), [(np.float32, -87.3, 1.2e-7), (np.float64, -708.0, 3e-16)]
)
def test_the_exponential_has_its_stated_error(dtype: Any, lowest: float, bound: float):
    from crossentropy.losses._row_loops import softmax_times

    x = np.linspace(lowest, 0, 1_000_001).astype(dtype)
    found = np.empty_like(x)
    softmax_times(x, dtype(0), dtype(1), found)
    exact = np.exp(x.astype(np.longdouble))
    assert (np.abs(found - exact) / exact).max() <= bound
    edge = np.array([-np.inf, -1e30, np.nan], dtype)
    softmax_times(edge, dtype(0), dtype(1), found[:3])
    assert found[:2].tolist() == [0, 0]
    assert np.isnan(found[2])


@pytest.mark.parametrize(("dtype", "bound"), [(np.float32, 2e-7), (np.float64, 4e-16)])
def test_the_logarithm_has_its_stated_error(dtype: Any, bound: float):
    from crossentropy.losses._lines import logarithms

    near = 1 + np.geomspace(np.finfo(dtype).eps, 1, 300_001)
    x = np.concatenate((near, np.geomspace(1, 1e30, 300_001))).astype(dtype)
    found = np.empty(len(x))
    logarithms(x, found)
    exact = np.log(x.astype(np.longdouble))
    some = exact > 0
    assert (np.abs(found - exact)[some] / exact[some]).max() <= bound
    assert (found[~some] == 0).all()
    logarithms(np.array([np.nan], dtype), found[:1])
    assert np.isnan(found[0])


@pytest.mark.parametrize(("rows", "columns"), [(0, 3), (1, 1), (7, 9), (8, 8), (16, 24), (37, 21)])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("apart", [1, 2])
def test_a_block_is_turned_whole(rows: int, columns: int, dtype: Any, apart: int):
    from crossentropy.losses._turn import transpose
    from crossentropy.losses._vector import kernel

    source = np.arange(rows * columns, dtype=dtype).reshape(rows, columns)
    wide = np.zeros((rows, columns * apart), dtype)[:, ::apart]
    wide[:] = source
    target = np.full((columns, rows + 3), -1, dtype)
    compiled = kernel(lambda source, target: transpose(source, target))
    compiled(wide, target[:, :rows])
    assert np.array_equal(target[:, :rows], source.T)
    assert (target[:, rows:] == -1).all()


def test_rows_of_pixels_take_the_fast_way(any_size: None):
    shape = Shape(rows=2, classes=21, extra=(16, 16))
    z, t = logits(shape).float().requires_grad_(), target_of("ids", shape)
    loss = cross_entropy(z, t)
    assert "_CrossEntropy" in str(loss.grad_fn.next_functions)
    assert_close(gradient(loss, z), gradient(F.cross_entropy(z, t), z))
