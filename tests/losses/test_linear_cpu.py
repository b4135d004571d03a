"""The compiled passes: no worse than torch in the same dtype, for every option, odd size, and share of logits kept."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from crossentropy import losses
from crossentropy.losses import LossOptions, SparseTarget, linear_cross_entropy
from crossentropy.losses import _linear as linear
from crossentropy.losses import _linear_cpu as cpu
from tests.losses.loss_list import REDUCTIONS, random

LIMITS = [1, 700_000, 1 << 30]  # no logits kept, some, all
BY_PRODUCTS = ("losses", "logsumexp", "target_probability")


@pytest.fixture(autouse=True)
def however_small(monkeypatch: pytest.MonkeyPatch) -> None:
    """Take the passes for layers that torch would finish sooner, and for logits that would be made whole."""
    monkeypatch.setattr(cpu, "_WORTH", 0)
    monkeypatch.setattr(linear, "_SMALL", 0)


def layer(rows: int, columns: int, classes: int) -> list[Tensor]:
    sizes = [(rows, columns), (classes, columns), (classes,)]
    x, w, b = (torch.randn(size, generator=random(i)) for i, size in enumerate(sizes))
    return [x.requires_grad_(), (w * 0.3).detach().requires_grad_(), b.requires_grad_()]


def target_of(kind: str, rows: int, classes: int) -> Any:
    ids = torch.randint(classes, (rows, 3), generator=random(3))
    if kind == "sparse":
        return SparseTarget(ids, torch.rand(ids.shape, generator=random(4)).softmax(1))
    target = ids[:, 0]
    target[1::4] = -100
    return target


def widened(given: Any) -> Any:
    if isinstance(given, SparseTarget):
        return SparseTarget(given.ids, given.probabilities.double())
    if isinstance(given, LossOptions):
        values = {name: widened(getattr(given, name)) for name in given.__dataclass_fields__}
        return LossOptions(**values)
    if isinstance(given, Tensor) and given.is_floating_point():
        return given.detach().double().requires_grad_(given.requires_grad)
    return given


def outcome(loss: Tensor, tensors: list[Tensor]) -> list[Tensor]:
    upstream = torch.randn(loss.shape, generator=random(5)).to(loss.dtype)
    return [t.double() for t in (loss.detach(), *torch.autograd.grad(loss, tensors, upstream))]


def hold(
    tensors: list[Tensor], target: Any, limit: int | None = None, tolerance: float = 3e-7, **settings: Any
) -> None:
    """Ours against float64, beside torch's composition in float32."""

    def plain(x: Tensor, w: Tensor, b: Tensor, target: Any, **settings: Any) -> Tensor:
        return losses.cross_entropy(F.linear(x, w, b), target, **settings)

    wide = [widened(t) for t in tensors]
    truth = outcome(plain(*wide, widened(target), **{k: widened(v) for k, v in settings.items()}), wide)
    torchs = outcome(plain(*tensors, target, **settings), tensors)
    x, w, b = tensors
    ours = outcome(linear_cross_entropy(x, w, target, linear_bias=b, memory_limit=limit, **settings), tensors)
    # A sum is as exact as its terms are large: those of the bias's gradient, the slopes, nearly cancel for few classes.
    z = F.linear(*wide).detach().requires_grad_()
    value = losses.cross_entropy(z, widened(target), **{k: widened(v) for k, v in settings.items()})
    terms = outcome(value, [z])[1].abs().sum(0)
    for mine, theirs, true, size in zip(ours, torchs, truth, [*truth[:3], terms], strict=True):
        assert (mine - true).norm() <= 1.5 * (theirs - true).norm() + tolerance * size.norm()


def options(rows: int, classes: int) -> list[LossOptions]:
    each: list[dict[str, Any]] = [
        {"bias": torch.randn(classes, generator=random(6))},
        {"soft_cap": 3.0},
        {"temperature": 0.7},
        {"z_loss": 0.01},
        {"sample_weight": torch.rand(rows, generator=random(7)), "ignored": torch.arange(rows) % 3 == 0},
    ]
    return [LossOptions(**one) for one in [*each, {k: v for one in each for k, v in one.items()}]]


@pytest.mark.parametrize("kind", ["ids", "sparse"])
@pytest.mark.parametrize("limit", LIMITS)
def test_every_option_is_no_worse_than_torch(kind: str, limit: int):
    rows, classes = 150, 1003
    tensors, target = layer(rows, 70, classes), target_of(kind, rows, classes)
    weight = torch.rand(classes, generator=random(8)) + 0.1
    for number, (chosen, smoothing, weighted) in enumerate(
        itertools.product([LossOptions(), *options(rows, classes)], [0.0, 0.1], [None, weight])
    ):
        settings = {"label_smoothing": smoothing, "weight": weighted, "options": chosen}
        hold(tensors, target, limit, reduction=REDUCTIONS[number % 3], **settings)


@pytest.mark.parametrize("columns", [1, 63, 64, 65, 200])
@pytest.mark.parametrize("classes", [1, 2, 3, 17, 1000])
@pytest.mark.parametrize("rows", [1, 7, 64, 129])
def test_odd_sizes(rows: int, classes: int, columns: int):
    hold(layer(rows, columns, classes), torch.randint(classes, (rows,), generator=random(3)), 1 << 30)


@pytest.mark.parametrize("limit", [1, 1 << 30])
def test_a_vocabulary(limit: int):
    # With little memory a sum over all classes is some hundred parts that are added in float32 one after another.
    rows, classes = 7, 50257
    target = torch.randint(classes, (rows,), generator=random(3))
    hold(layer(rows, 33, classes), target, limit, tolerance=1e-6)


@pytest.mark.parametrize("limit", [1, None])
@pytest.mark.parametrize("kind", ["ids", "sparse"])
def test_by_products_are_those_of_the_logits(kind: str, limit: int | None):
    x, w, b = layer(70, 20, 600)
    target = target_of(kind, 70, 600)
    arguments: dict[str, Any] = {"options": LossOptions(soft_cap=4.0), "by_products": BY_PRODUCTS}
    ours = linear_cross_entropy(x, w, target, linear_bias=b, memory_limit=limit, **arguments)
    expected = losses.cross_entropy(F.linear(x, w, b), target, **arguments)
    for name in ("loss", *BY_PRODUCTS):
        assert_close(getattr(ours, name), getattr(expected, name), msg=name)


def test_the_number_of_threads_changes_nothing_but_the_last_digits():
    x, w, b = layer(100, 40, 1003)
    target = target_of("ids", 100, 1003)
    found = []
    for threads in (1, 2, 3, 3):
        torch.set_num_threads(threads)
        found.append(outcome(linear_cross_entropy(x, w, target, linear_bias=b, memory_limit=1), [x, w, b]))
    torch.set_num_threads(1)
    for other in found[1:]:
        assert_close(other, found[0], rtol=1e-5, atol=1e-7)
    assert all(torch.equal(a, b) for a, b in zip(found[2], found[3], strict=True))


@pytest.mark.parametrize("place", ["feature", "weight"])
@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_is_not_finite_shows(place: str, value: float):
    x, w, b = (t.detach() for t in layer(10, 8, 300))
    (x if place == "feature" else w)[3, 2] = value
    target = torch.arange(10)
    ours = linear_cross_entropy(x, w, target, linear_bias=b, reduction="none")
    assert torch.equal(ours.isnan(), F.cross_entropy(F.linear(x, w, b), target, reduction="none").isnan())


def test_classes_may_be_shut_out_and_logits_large():
    x, w, _ = layer(10, 8, 300)
    shut = torch.zeros(300).index_fill(0, torch.tensor([5, 299]), -torch.inf)
    target = torch.arange(10, 20)
    for scale in (1.0, 1e4):
        ours = linear_cross_entropy(x, w * scale, target, linear_bias=shut)
        expected = F.cross_entropy(F.linear(x, w * scale, shut), target)
        assert_close(ours, expected)
        assert_close(
            torch.autograd.grad(ours, w)[0], torch.autograd.grad(expected, w)[0], rtol=1e-4, atol=1e-4
        )


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
def test_16_bit_layers(dtype: torch.dtype):
    tensors = [t.detach().to(dtype).requires_grad_() for t in layer(70, 40, 500)]
    target = target_of("ids", 70, 500)

    def plain(x: Tensor, w: Tensor, b: Tensor) -> Tensor:
        return F.cross_entropy(F.linear(x, w, b), target)

    ours = outcome(linear_cross_entropy(tensors[0], tensors[1], target, linear_bias=tensors[2]), tensors)
    wide = [widened(t) for t in tensors]
    for mine, theirs, true in zip(
        ours, outcome(plain(*tensors), tensors), outcome(plain(*wide), wide), strict=True
    ):
        assert (mine - true).norm() <= (theirs - true).norm() + 1e-3 * true.norm()


def test_strided_inputs_and_a_second_backward():
    x, w, b = layer(33, 24, 400)
    target = target_of("ids", 33, 400)
    apart = [t.detach().repeat_interleave(2, -1)[..., ::2].requires_grad_() for t in (x, w, b)]
    ours = linear_cross_entropy(*apart[:2], target, linear_bias=apart[2])
    first = torch.autograd.grad(ours, apart, retain_graph=True)
    assert_close(torch.autograd.grad(ours, apart), first)
    assert_close(first, torch.autograd.grad(linear_cross_entropy(x, w, target, linear_bias=b), [x, w, b]))


def test_only_what_is_wanted_is_made():
    target = target_of("ids", 70, 500)
    every = torch.autograd.grad(
        linear_cross_entropy(*(t := layer(70, 40, 500))[:2], target, linear_bias=t[2]), t
    )
    for wanted in itertools.product([False, True], repeat=3):
        tensors = [
            t.detach().requires_grad_(want) for t, want in zip(layer(70, 40, 500), wanted, strict=True)
        ]
        loss = linear_cross_entropy(*tensors[:2], target, linear_bias=tensors[2])
        if any(wanted):
            loss.backward()
        for tensor, full in zip(tensors, every, strict=True):
            assert_close(tensor.grad, full if tensor.requires_grad else None)


@pytest.mark.parametrize(
    ("rows", "columns", "classes"), [(4096, 768, 32000), (1024, 2048, 65536), (4096, 4096, 128000)]
)
def test_the_tiles_of_large_layers_stay_below_a_hundredth_of_the_logits(
    rows: int, columns: int, classes: int
):
    for threads in (1, 2):
        tile = cpu.plan(rows, columns, classes, threads, True, None)
        wide = tile.panels * 64
        held = (
            (1 + threads) * wide * columns
            + threads * tile.step * (columns + 2 * wide)
            + tile.kept * wide * classes
        )
        assert held <= rows * classes / 100
        assert cpu.plan(rows, columns, classes, threads, True, 1 << 40).kept == 1


@pytest.mark.parametrize("limit", [*LIMITS, None])
@pytest.mark.parametrize("reduction", ["mean", "sum"])
def test_a_batch_that_is_left_out_has_gradients_of_zero(limit: int, reduction: str):
    tensors = layer(20, 10, 300)
    x, w, b = tensors
    chosen = LossOptions(all_ignored="zero")
    for target in (torch.full((20,), -100), SparseTarget(torch.full((20, 2), -100), torch.ones(20, 2))):
        loss = linear_cross_entropy(
            x, w, target, linear_bias=b, reduction=reduction, options=chosen, memory_limit=limit
        )
        assert loss == 0
        # memory that is not written to holds what was there before
        for slope in torch.autograd.grad(loss, tensors):
            assert (slope == 0).all()


@pytest.mark.parametrize("rows", [1, 7, 65])
@pytest.mark.parametrize("limit", LIMITS)
def test_the_room_behind_the_last_row_adds_nothing_even_where_a_bias_is_large(rows: int, limit: int):
    tensors = layer(rows, 10, 300)
    with torch.no_grad():
        # e^z - 0 of a row of zeros would be all that float32 holds, and infinity and NaN
        tensors[2][:] = torch.linspace(60, 120, 300)
    hold(tensors, torch.full((rows,), 7), limit)
    hold(tensors, torch.full((rows,), 9), limit)


@pytest.mark.parametrize("kind", ["ids", "sparse"])
@pytest.mark.parametrize("classes", [2, 17, 1000, 50257])
def test_the_error_of_by_products_is_at_most_that_of_torch(kind: str, classes: int):
    x, w, b = (t.detach() for t in layer(70, 40, classes))
    target = target_of(kind, 70, classes)
    truth, torchs = (
        losses.cross_entropy(F.linear(*(t.to(dtype) for t in (x, w, b))), given, by_products=BY_PRODUCTS)
        for dtype, given in ((torch.float64, widened(target)), (torch.float32, target))
    )
    ours = linear_cross_entropy(x, w, target, linear_bias=b, by_products=BY_PRODUCTS)
    for name in BY_PRODUCTS:
        mine, theirs, exact = (getattr(result, name).double() for result in (ours, torchs, truth))
        size = exact.abs().clamp(min=1e-30 if name == "target_probability" else 1.0)
        worst = [((found - exact).abs() / size).max() for found in (mine, theirs)]
        assert worst[0] <= 1.5 * worst[1] + 4e-7, name


@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("kind", ["ids", "sparse"])
def test_a_share_of_zero_costs_nothing_where_a_class_is_shut_out(kind: str, smoothing: float):
    x, w, _ = layer(10, 8, 300)
    shut = torch.zeros(300).index_fill(0, torch.tensor(5), -torch.inf)
    weight = torch.ones(300).index_fill(0, torch.tensor(5), 0.0)
    ids = torch.arange(3, 13)
    target: Any = ids if kind == "ids" else SparseTarget(ids[:, None], torch.ones(10, 1))
    settings: dict[str, Any] = {"weight": weight, "label_smoothing": smoothing, "reduction": "sum"}
    ours = linear_cross_entropy(x, w, target, linear_bias=shut, **settings)
    expected = losses.cross_entropy(F.linear(x, w, shut), target, **settings)
    assert ours.isfinite()
    assert_close(ours, expected)
    assert_close(torch.autograd.grad(ours, w), torch.autograd.grad(expected, w), rtol=1e-4, atol=1e-5)
