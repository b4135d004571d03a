"""The options: each is what its formula says, on every kind of target, and they combine."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from crossentropy import errors, losses
from crossentropy.losses import (
    LossOptions,
    SparseTarget,
    binary_cross_entropy_with_logits,
    cross_entropy,
)
from tests.losses.loss_list import REDUCTIONS, Shape, binary_targets, class_weight, logits, random

SHAPES = [Shape(rows=6, classes=5), Shape(rows=3, classes=4, extra=(2, 3)), Shape(rows=7, classes=1)]
KINDS = ["ids", "dense", "sparse"]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)
ROWS = Shape(rows=8, classes=5)


def target_of(kind: str, shape: Shape, entries: int = 3) -> Any:
    if kind == "ids":
        return torch.randint(shape.classes, shape.without_classes, generator=random(shape.seed + 1))
    if kind == "dense":
        return torch.randn(shape.full, generator=random(shape.seed + 1), dtype=torch.float64).softmax(1)
    size = (shape.rows, entries, *shape.extra)
    ids = torch.randint(shape.classes, size, generator=random(shape.seed + 1))
    return SparseTarget(
        ids, torch.randn(size, generator=random(shape.seed + 2), dtype=torch.float64).softmax(1)
    )


def dense_of(target: Any, shape: Shape) -> Tensor:
    """Written down once more, entry by entry."""
    if isinstance(target, SparseTarget):
        out = torch.zeros(shape.full, dtype=torch.float64)
        for i, j in itertools.product(range(shape.rows), range(target.ids.shape[1])):
            for rest in itertools.product(*map(range, shape.extra)):
                out[(i, int(target.ids[(i, j, *rest)]), *rest)] += target.probabilities[(i, j, *rest)]
        return out
    return target if target.is_floating_point() else F.one_hot(target, shape.classes).movedim(-1, 1).double()


def row_values(shape: Shape, salt: int = 7) -> Tensor:
    return torch.rand(shape.without_classes, generator=random(shape.seed + salt), dtype=torch.float64) + 0.1


def some_rows(shape: Shape) -> Tensor:
    return torch.arange(row_values(shape).numel()).reshape(shape.without_classes) % 3 == 1


def rows_of(target: Any, keep: Tensor) -> Any:
    return (
        SparseTarget(target.ids[keep], target.probabilities[keep])
        if isinstance(target, tuple)
        else target[keep]
    )


def by_hand(
    z: Tensor, target: Any, shape: Shape, options: LossOptions, smoothing: float, weight: Tensor | None
) -> tuple[Tensor, Tensor]:
    """The loss of each row before weights, and what it counts, from torch's loss of dense distributions."""
    along = (-1, *[1] * len(shape.extra))
    if options.bias is not None:
        z = z + options.bias.view(along)
    if options.soft_cap is not None:
        z = options.soft_cap * torch.tanh(z / options.soft_cap)
    z = z / options.temperature
    q = dense_of(target, shape)
    each = F.cross_entropy(z, q, weight, reduction="none", label_smoothing=smoothing)
    each = each + options.z_loss * torch.logsumexp(z, 1) ** 2
    by_id = isinstance(target, Tensor) and not target.is_floating_point()
    return each, weight[target] if by_id and weight is not None else torch.ones_like(each)


def combinations(shape: Shape) -> list[LossOptions]:
    bias = torch.randn(shape.classes, generator=random(11), dtype=torch.float64)
    each: list[dict[str, Any]] = [
        {"bias": bias},
        {"soft_cap": 1.5},
        {"temperature": 0.7},
        {"z_loss": 0.3},
        {"sample_weight": row_values(shape)},
        {"ignored": some_rows(shape)},
    ]
    return [LossOptions(**one) for one in each] + [
        LossOptions(**{k: v for one in each for k, v in one.items()})
    ]


@every_kind
@every_shape
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_option_is_its_formula(kind: str, shape: Shape, smoothing: float, weighted: bool):
    input, target = logits(shape).requires_grad_(), target_of(kind, shape)
    weight = class_weight(shape) if weighted else None
    for options in combinations(shape):
        each, counts = by_hand(input, target, shape, options, smoothing, weight)
        s = torch.ones_like(each) if options.sample_weight is None else options.sample_weight
        s = s if options.ignored is None else s * ~options.ignored
        expected = {"none": s * each, "sum": (s * each).sum(), "mean": (s * each).sum() / (s * counts).sum()}
        for reduction in REDUCTIONS:
            arguments = {"reduction": reduction, "label_smoothing": smoothing, "options": options}
            ours = cross_entropy(input, target, weight, **arguments)
            assert_close(ours, expected[reduction])
            upstream = torch.randn(ours.shape, generator=random(3), dtype=torch.float64)
            assert_close(
                torch.autograd.grad(ours, input, upstream, retain_graph=True)[0],
                torch.autograd.grad(expected[reduction], input, upstream, retain_graph=True)[0],
            )


@every_shape
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_a_sparse_target_is_the_dense_one_and_its_padding_is_nothing(shape: Shape, reduction: str):
    input, target = logits(shape), target_of("sparse", shape)
    assert_close(
        cross_entropy(input, target, reduction=reduction),
        cross_entropy(input, dense_of(target, shape), reduction=reduction),
    )
    padded = SparseTarget(
        torch.cat([target.ids, torch.full_like(target.ids, -100)], 1),
        torch.cat([target.probabilities, torch.full_like(target.probabilities, 9.0)], 1),
    )
    assert_close(
        cross_entropy(input, padded, reduction=reduction), cross_entropy(input, target, reduction=reduction)
    )


def test_one_certain_entry_is_a_class_id():
    input, ids = logits(ROWS), target_of("ids", ROWS)
    sparse = SparseTarget(ids[:, None], torch.ones_like(ids[:, None]).double())
    for options in combinations(ROWS):
        assert_close(
            cross_entropy(input, sparse, options=options), cross_entropy(input, ids, options=options)
        )


@every_kind
@pytest.mark.parametrize("junk", [0.0, torch.nan, torch.inf])
def test_ignored_rows_are_sliced_rows_whatever_they_hold(kind: str, junk: float):
    input, target = logits(ROWS), target_of(kind, ROWS)
    keep = ~some_rows(ROWS)
    s = row_values(ROWS)
    kept = LossOptions(sample_weight=s[keep], z_loss=0.1, soft_cap=3.0)
    expected = {
        r: cross_entropy(input[keep], rows_of(target, keep), reduction=r, options=kept) for r in REDUCTIONS
    }
    input[~keep], s[~keep] = junk, junk
    if kind == "dense":
        target[~keep] = junk
    elif kind == "sparse":
        target.probabilities[~keep] = junk
    input.requires_grad_()
    options = replace(kept, sample_weight=s, ignored=~keep)
    for reduction in REDUCTIONS:
        ours = cross_entropy(input, target, reduction=reduction, options=options)
        assert_close(ours[keep] if reduction == "none" else ours, expected[reduction])
        (slope,) = torch.autograd.grad(ours.sum(), input)
        assert (slope[~keep] == 0).all()
        assert slope.isfinite().all()


def test_a_sparse_row_of_padding_alone_is_left_out():
    input, target = logits(ROWS), target_of("sparse", ROWS)
    target.ids[2] = -100
    keep = torch.arange(ROWS.rows) != 2
    for reduction in ("mean", "sum"):
        assert_close(
            cross_entropy(input, target, reduction=reduction),
            cross_entropy(input[keep], rows_of(target, keep), reduction=reduction),
        )


@every_kind
def test_whole_sample_weights_are_repeated_rows(kind: str):
    input, target = logits(ROWS), target_of(kind, ROWS)
    times = torch.arange(ROWS.rows) % 3
    index = torch.arange(ROWS.rows).repeat_interleave(times)
    options = LossOptions(sample_weight=times.double())
    for weight, reduction in itertools.product((None, class_weight(ROWS)), ("mean", "sum")):
        assert_close(
            cross_entropy(input, target, weight, reduction=reduction, options=options),
            cross_entropy(input[index], rows_of(target, index), weight, reduction=reduction),
        )


@every_kind
@pytest.mark.parametrize("number", [float, torch.tensor], ids=["number", "tensor"])
def test_two_parts_with_the_divisor_of_the_whole_add_up_to_the_mean(kind: str, number: Any):
    input, target = logits(ROWS), target_of(kind, ROWS)
    if kind == "ids":
        target[0] = -100
    counted = ROWS.rows - (kind == "ids")
    options = LossOptions(divisor=number(counted))
    parts = [slice(0, 2), slice(2, None)]
    total = sum(cross_entropy(input[p], rows_of(target, p), options=options) for p in parts)
    assert_close(total, cross_entropy(input, target))


@every_kind
@pytest.mark.parametrize("rows", [0, 4])
def test_a_batch_of_nothing_is_zero_with_a_live_graph_if_asked_for(kind: str, rows: int):
    shape = Shape(rows=rows, classes=3)
    input, target = logits(shape).requires_grad_(), target_of(kind, shape)
    nothing = LossOptions(ignored=torch.ones(rows, dtype=torch.bool))
    assert cross_entropy(input, target, options=nothing).isnan()
    zero = cross_entropy(input, target, options=replace(nothing, all_ignored="zero"))
    assert zero == 0
    zero.backward()
    assert (input.grad == 0).all()
    sound = LossOptions(all_ignored="zero")
    if rows:
        assert_close(cross_entropy(input, target, options=sound), cross_entropy(input, target))


@every_kind
@every_shape
def test_the_by_products_are_what_their_names_say(kind: str, shape: Shape):
    input, target = logits(shape).requires_grad_(), target_of(kind, shape)
    out = some_rows(shape)
    options = LossOptions(ignored=out, top_k=2, soft_cap=4.0, z_loss=0.1)
    names = ("losses", "logsumexp", "entropy", "argmax", "target_rank", "target_probability", "top_k")
    result = cross_entropy(input, target, options=options, by_products=names)
    assert_close(result.loss, cross_entropy(input, target, options=options))
    assert result.loss.requires_grad
    z = 4.0 * torch.tanh(input.detach() / 4.0)
    p = z.softmax(1)
    q = dense_of(target, shape)
    if kind == "sparse":  # a class that is named twice counts by its larger entry
        largest = target.probabilities == target.probabilities.amax(1, keepdim=True)
        best = target.ids.masked_fill(~largest, 99).amin(1)
    else:
        best = q.argmax(1)
    at = best.unsqueeze(1)
    expected = {
        "losses": cross_entropy(input, target, options=options, reduction="none").detach(),
        "logsumexp": z.exp().sum(1).log() * ~out,
        "entropy": -(p * p.log()).sum(1) * ~out,
        "argmax": z.argmax(1).masked_fill(out, -1),
        "target_rank": (z > z.gather(1, at)).sum(1).masked_fill(out, -1),
        "target_probability": p.gather(1, at).squeeze(1) * ~out,
        "top_k": z.topk(min(2, shape.classes), 1).indices.masked_fill(out.unsqueeze(1), -1),
    }
    for name in names:
        assert_close(getattr(result, name), expected[name])
        assert not getattr(result, name).requires_grad
    alone = cross_entropy(input, target, options=options, by_products=("entropy",))
    assert_close(alone.entropy, result.entropy)
    assert alone.argmax is None


def test_equal_logits_rank_by_class_id():
    input = torch.tensor([[1.0, 2.0, 2.0, 0.0], [-torch.inf, 0.0, -torch.inf, 0.0]])
    for target, ranks in (([2, 3], [1, 1]), ([1, 1], [0, 0]), ([0, 2], [2, 3]), ([3, 0], [3, 2])):
        result = cross_entropy(
            input,
            torch.tensor(target),
            by_products=["target_rank", "argmax", "top_k"],
            options=LossOptions(top_k=4),
        )
        assert result.target_rank.tolist() == ranks
        assert result.argmax.tolist() == [1, 1]
        assert result.top_k.tolist() == [[1, 2, 0, 3], [1, 3, 0, 2]]


def test_the_entropy_with_classes_that_are_ruled_out():
    input = torch.tensor([[0.0, -torch.inf, 0.0], [-torch.inf, 0.0, -torch.inf]])
    result = cross_entropy(input, torch.tensor([0, 1]), by_products=["entropy"])
    assert_close(result.entropy, torch.tensor([2.0, 1.0]).log())


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@every_kind
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_derivatives_with_every_option_are_finite_differences(kind: str, reduction: str):
    shape = Shape(rows=4, classes=3)
    target = target_of(kind, shape, entries=2)
    options = combinations(shape)[-1]
    weight = class_weight(shape)

    def value(z: Tensor, w: Tensor, bias: Tensor, s: Tensor) -> Tensor:
        changed = replace(options, bias=bias, sample_weight=s)
        return cross_entropy(z, target, w, reduction=reduction, label_smoothing=0.1, options=changed)

    tensors = [
        t.detach().clone().requires_grad_()
        for t in (logits(shape), weight, options.bias, options.sample_weight)
    ]
    assert torch.autograd.gradcheck(value, tensors, check_forward_ad=True)
    assert torch.autograd.gradgradcheck(value, tensors)


@pytest.mark.parametrize("shape", [Shape(rows=6, classes=5), Shape(rows=3, classes=4, extra=(2,))], ids=str)
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_the_binary_loss_is_that_of_two_classes_under_every_option(
    shape: Shape, smoothing: float, reduction: str
):
    z, y = logits(shape), binary_targets(shape)
    whole = Shape(rows=z.numel(), classes=2)
    s, out = row_values(whole).reshape(z.shape), some_rows(whole).reshape(z.shape)
    each: list[dict[str, Any]] = [
        {"soft_cap": 1.5},
        {"temperature": 0.7},
        {"z_loss": 0.3},
        {"sample_weight": s},
        {"ignored": out},
    ]
    for options in [*each, {k: v for one in each for k, v in one.items()}]:
        binary = binary_cross_entropy_with_logits(
            z, y, reduction=reduction, label_smoothing=smoothing, options=LossOptions(**options)
        )
        two = cross_entropy(
            torch.stack([torch.zeros_like(z), z], 1),
            torch.stack([1 - y, y], 1),
            reduction=reduction,
            label_smoothing=smoothing,
            options=LossOptions(**options),
        )
        assert_close(binary, two)


def test_sparse_labels_are_the_dense_ones_in_the_binary_loss():
    input, target = logits(ROWS), target_of("sparse", ROWS)
    dense = dense_of(target, ROWS)
    bias = torch.randn(ROWS.classes, generator=random(5), dtype=torch.float64)
    for reduction in REDUCTIONS:
        sparse = binary_cross_entropy_with_logits(
            input, target, reduction=reduction, options=LossOptions(bias=bias)
        )
        assert_close(sparse, binary_cross_entropy_with_logits(input + bias, dense, reduction=reduction))


@every_kind
def test_options_in_16_bit_are_computed_in_float32(kind: str):
    shape = Shape(rows=16, classes=9)
    input, target = logits(shape).bfloat16(), target_of(kind, shape)
    if kind != "ids":
        target = (
            SparseTarget(target.ids, target.probabilities.bfloat16())
            if kind == "sparse"
            else target.bfloat16()
        )
    options = combinations(shape)[-1]
    narrow = replace(options, bias=options.bias.bfloat16(), sample_weight=options.sample_weight.bfloat16())
    wide = replace(options, bias=narrow.bias.float(), sample_weight=narrow.sample_weight.float())
    wide_target = target
    if kind != "ids":
        wide_target = (
            SparseTarget(target.ids, target.probabilities.float()) if kind == "sparse" else target.float()
        )
    ours = cross_entropy(input, target, options=narrow)
    assert ours.dtype == torch.bfloat16
    assert_close(ours, cross_entropy(input.float(), wide_target, options=wide).bfloat16(), rtol=0.008, atol=0)


@every_kind
def test_options_compose_with_func_compile_and_meta(kind: str):
    input, target = logits(ROWS), target_of(kind, ROWS)
    options = combinations(ROWS)[-1]

    def value(z: Tensor) -> Tensor:
        return cross_entropy(z, target, options=options)

    assert_close(torch.func.grad(value)(input), torch.autograd.functional.jacobian(value, input))
    assert_close(torch.compile(value, backend="eager", fullgraph=True)(input), value(input))


def test_the_module_takes_options_and_others_for_one_batch():
    input, target = logits(ROWS), target_of("ids", ROWS)
    options = LossOptions(z_loss=0.1)
    module = losses.CrossEntropyLoss(options=options)
    assert_close(module(input, target), cross_entropy(input, target, options=options))
    weighted = replace(module.options, sample_weight=row_values(ROWS))
    assert_close(module(input, target, weighted), cross_entropy(input, target, options=weighted))
    binary = losses.BCEWithLogitsLoss(label_smoothing=0.1, options=LossOptions(temperature=2.0))
    y = binary_targets(ROWS)
    assert_close(binary(input, y), losses.BCEWithLogitsLoss(label_smoothing=0.1)(input / 2, y))


REFUSALS: list[tuple[type[Exception], str, dict[str, Any]]] = [
    (errors.ConfigError, r"soft_cap=0\.0 is not positive", {"soft_cap": 0.0}),
    (errors.ConfigError, r"soft_cap=inf is not positive and finite", {"soft_cap": torch.inf}),
    (errors.ConfigError, r"temperature=-1 is not positive", {"temperature": -1}),
    (errors.ConfigError, r"z_loss=nan is not at least 0", {"z_loss": torch.nan}),
    (errors.ConfigError, r"top_k=0 is not at least 1", {"top_k": 0}),
    (errors.ConfigError, r"divisor=0 is not positive", {"divisor": 0}),
    (errors.ShapeError, r"divisor has shape \(2,\)", {"divisor": torch.ones(2)}),
    (errors.ConfigError, r"all_ignored='one' is not one of 'nan', 'zero'", {"all_ignored": "one"}),
    (errors.ConfigError, r"probabilities='no' is not one of", {"probabilities": "no"}),
    (errors.ShapeError, r"bias has shape \(4,\); expected \(5,\)", {"bias": torch.ones(4)}),
    (
        errors.ShapeError,
        r"sample_weight has shape \(8, 1\); expected \(8,\)",
        {"sample_weight": torch.ones(8, 1)},
    ),
    (errors.ShapeError, r"ignored has shape \(5,\); expected \(8,\)", {"ignored": torch.ones(5).bool()}),
    (errors.TensorTypeError, r"ignored has dtype float32", {"ignored": torch.ones(8)}),
    (errors.TensorTypeError, r"sample_weight is a list", {"sample_weight": [1.0] * 8}),
    (errors.ShapeError, r"ignored is on device meta", {"ignored": torch.ones(8, device="meta").bool()}),
    (errors.ShapeError, r"bias is on device meta", {"bias": torch.ones(5, device="meta")}),
    (errors.TensorTypeError, r"soft_cap='5' is a str", {"soft_cap": "5"}),
    (errors.TensorTypeError, r"divisor='8' is a str", {"divisor": "8"}),
    # its gradient would be lost where the kernels run
    (errors.TensorTypeError, r"is a Parameter.*learned", {"temperature": torch.nn.Parameter(torch.ones(()))}),
]


@pytest.mark.parametrize(("error", "message", "options"), REFUSALS, ids=[r[1] for r in REFUSALS])
def test_options_out_of_range_are_refused(error: type[Exception], message: str, options: dict[str, Any]):
    with pytest.raises(error, match=message):
        cross_entropy(logits(ROWS), target_of("ids", ROWS), options=LossOptions(**options))


def test_sparse_targets_that_do_not_fit_are_refused():
    z, (ids, shares) = logits(ROWS), target_of("sparse", ROWS)
    deep = logits(Shape(rows=2, extra=(4,)))
    for error, message, input, target in (
        (errors.ShapeError, r"target\.ids has shape \(8,\).*\(8, m\)", z, (ids[:, 0], shares[:, 0])),
        (errors.ShapeError, r"have shape \(2, m, 4\)", deep, (ids[:2], shares[:2])),
        (
            errors.ShapeError,
            r"probabilities has shape \(8, 2\), target\.ids \(8, 3\)",
            z,
            (ids, shares[:, :2]),
        ),
        (errors.ShapeError, r"holds no class ids", z, (ids[:, :0], shares[:, :0])),
        (
            errors.ClassIdError,
            r"id 5 at position \(1, 2\)",
            z,
            (ids.index_put((torch.tensor(1), torch.tensor(2)), torch.tensor(5)), shares),
        ),
        (errors.TargetError, r"class ids are integers", z, (shares, shares)),
        (errors.TargetError, r"dtype int64", z, (ids, ids)),
        (errors.TensorTypeError, r"target\.ids is a list", z, ([[0]], shares)),
    ):
        with pytest.raises(error, match=message):
            cross_entropy(input, SparseTarget(*target))


def test_a_divisor_goes_with_the_mean_alone_and_by_products_are_named():
    z, t = logits(ROWS), target_of("ids", ROWS)
    with pytest.raises(errors.ConfigError, match="divisor goes with reduction='mean'"):
        cross_entropy(z, t, reduction="sum", options=LossOptions(divisor=2))
    with pytest.raises(errors.ConfigError, match=r"'entropi' is no by-product\. Did you mean 'entropy'\?"):
        cross_entropy(z, t, by_products=["entropi"])
    with pytest.raises(errors.ConfigError, match=r"Use by_products=\('entropy',\)"):
        cross_entropy(z, t, by_products="entropy")
    with pytest.raises(errors.TensorTypeError, match="options is a dict"):
        cross_entropy(z, t, options={"z_loss": 1})
