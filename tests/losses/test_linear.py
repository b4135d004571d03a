"""The losses of a linear layer: by tiles as by definition, and as torch's, for every option and every derivative."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.func import functional_call, grad, hessian, jvp, vmap
from torch.testing import assert_close

from crossentropy import errors, losses
from crossentropy.losses import LossOptions, SparseTarget, linear_binary_cross_entropy, linear_cross_entropy
from crossentropy.losses._options import BY_PRODUCTS
from tests.losses.loss_list import REDUCTIONS, Shape, class_weight, random
from tests.losses.test_options import KINDS, combinations, row_values, target_of

TILES = 1  # a memory limit that makes the smallest tiles: each row of logits on its own
SHAPES = [Shape(rows=7, classes=5), Shape(rows=4, classes=3, extra=(2,)), Shape(rows=1, classes=1)]
every_kind = pytest.mark.parametrize("kind", KINDS)
every_shape = pytest.mark.parametrize("shape", SHAPES, ids=str)


def layer(shape: Shape, columns: int = 4, dtype: torch.dtype = torch.float64) -> list[Tensor]:
    sizes = [(shape.rows, columns), (shape.classes, *shape.extra, columns), (shape.classes, *shape.extra)]
    made = [
        torch.randn(s, generator=random(shape.seed + i), dtype=torch.float64) for i, s in enumerate(sizes)
    ]
    return [tensor.to(dtype).requires_grad_() for tensor in made]


def logits_of(features: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
    z = torch.tensordot(features, weight, dims=([-1], [weight.ndim - 1]))
    return z if bias is None else z + bias


def derivatives(output: Tensor, tensors: list[Tensor], seed: int = 3) -> tuple[Tensor, ...]:
    upstream = torch.randn(output.shape, generator=random(seed), dtype=torch.float64).to(output.dtype)
    return torch.autograd.grad(output, tensors, upstream, retain_graph=True)


@every_kind
@every_shape
@pytest.mark.parametrize("smoothing", [0.0, 0.2])
@pytest.mark.parametrize("weighted", [False, True])
def test_every_option_by_tiles_is_the_loss_of_the_logits(
    kind: str, shape: Shape, smoothing: float, weighted: bool
):
    x, w, b = layer(shape)
    target = target_of(kind, shape)
    weight = class_weight(shape) if weighted else None
    for options, reduction in itertools.product([LossOptions(), *combinations(shape)], REDUCTIONS):
        settings = {"reduction": reduction, "label_smoothing": smoothing, "options": options}
        ours = linear_cross_entropy(
            x, w, target, linear_bias=b, weight=weight, memory_limit=TILES, **settings
        )
        expected = losses.cross_entropy(logits_of(x, w, b), target, weight, **settings)
        assert_close(ours, expected)
        assert_close(derivatives(ours, [x, w, b]), derivatives(expected, [x, w, b]))


@pytest.mark.parametrize("kind", ["dense", "sparse"])
@every_shape
def test_every_binary_option_by_tiles_is_the_loss_of_the_logits(kind: str, shape: Shape):
    x, w, b = layer(shape)
    target = target_of(kind, shape)
    full = torch.rand(shape.full, generator=random(5), dtype=torch.float64)
    extras = [
        LossOptions(sample_weight=full),
        LossOptions(ignored=full < 0.4),
        LossOptions(soft_cap=2.0, z_loss=0.1),
    ]
    weights = [None, full, full[:1], full[0]]
    for options, reduction, weight in itertools.product([LossOptions(), *extras], REDUCTIONS, weights):
        settings = {"reduction": reduction, "weight": weight, "pos_weight": weight, "label_smoothing": 0.1}
        ours = linear_binary_cross_entropy(
            x, w, target, linear_bias=b, memory_limit=TILES, options=options, **settings
        )
        expected = losses.binary_cross_entropy_with_logits(
            logits_of(x, w, b), target, options=options, **settings
        )
        assert_close(ours, expected)
        assert_close(derivatives(ours, [x, w, b]), derivatives(expected, [x, w, b]))


@every_kind
@every_shape
def test_by_products_are_those_of_the_logits(kind: str, shape: Shape):
    x, w, b = layer(shape)
    target = target_of(kind, shape)
    ignored = torch.arange(row_values(shape).numel()).reshape(shape.without_classes) % 3 == 0
    for options in (LossOptions(top_k=2), LossOptions(top_k=2, ignored=ignored, soft_cap=3.0)):
        ours = linear_cross_entropy(
            x, w, target, linear_bias=b, memory_limit=TILES, options=options, by_products=BY_PRODUCTS
        )
        expected = losses.cross_entropy(logits_of(x, w, b), target, options=options, by_products=BY_PRODUCTS)
        for name in ("loss", *BY_PRODUCTS):
            assert_close(getattr(ours, name), getattr(expected, name), equal_nan=True, msg=name)
        (first,) = torch.autograd.grad(ours.loss, x)
        assert first.isfinite().all() or ours.loss.isnan()


def test_a_single_row_needs_no_batch_axis():
    x, w, b = layer(Shape(rows=1))
    for reduction in REDUCTIONS:
        target = torch.tensor([2])
        ours = linear_cross_entropy(
            x[0],
            w,
            target[0],
            linear_bias=b,
            reduction=reduction,
            memory_limit=TILES,
            by_products=BY_PRODUCTS,
        )
        expected = losses.cross_entropy(
            logits_of(x, w, b)[0], target[0], reduction=reduction, by_products=BY_PRODUCTS
        )
        for name in ("loss", *BY_PRODUCTS):
            assert_close(getattr(ours, name), getattr(expected, name), msg=name)


@pytest.mark.parametrize("limit", [TILES, None])
@every_kind
def test_a_single_row_takes_every_option(kind: str, limit: int | None):
    shape = Shape(rows=1)
    x, w, b = layer(shape)
    target = target_of(kind, shape)
    target = SparseTarget(*(t[0] for t in target)) if isinstance(target, tuple) else target[0]
    for ignored, reduction in itertools.product([False, True], REDUCTIONS):
        options = LossOptions(
            sample_weight=torch.tensor(0.3).double(), ignored=torch.tensor(ignored), all_ignored="zero"
        )
        ours = linear_cross_entropy(
            x[0], w, target, linear_bias=b, reduction=reduction, options=options, memory_limit=limit
        )
        expected = losses.cross_entropy(logits_of(x, w, b)[0], target, reduction=reduction, options=options)
        assert_close(ours, expected)
        assert_close(derivatives(ours, [x, w, b]), derivatives(expected, [x, w, b]))


@pytest.mark.parametrize("nothing", ["no rows", "all ignored", "zero weight"])
@pytest.mark.parametrize("policy", ["nan", "zero"])
def test_the_mean_of_nothing(nothing: str, policy: Any):
    shape = Shape(rows=0) if nothing == "no rows" else Shape()
    x, w, b = layer(shape)
    target = torch.full((shape.rows,), -100 if nothing == "all ignored" else 1)
    weight = torch.zeros(3, dtype=torch.float64) if nothing == "zero weight" else None
    settings = {"weight": weight, "options": LossOptions(all_ignored=policy)}
    ours = linear_cross_entropy(x, w, target, linear_bias=b, memory_limit=TILES, **settings)
    expected = losses.cross_entropy(logits_of(x, w, b), target, **settings)
    assert_close(ours, expected, equal_nan=True)
    assert ours.requires_grad
    if policy == "zero":
        assert_close(derivatives(ours, [x, w, b]), derivatives(expected, [x, w, b]))
    for reduction in ("sum", "none"):
        rest = linear_cross_entropy(x, w, target, weight=weight, reduction=reduction, memory_limit=TILES)
        assert rest.sum() == 0


@pytest.mark.parametrize("junk", [torch.nan, torch.inf])
def test_an_ignored_row_takes_no_part_whatever_it_holds(junk: float):
    x, w, b = layer(Shape())
    target = torch.tensor([0, -100, 2, 1, -100])
    soiled = x.detach().clone()
    soiled[1] = junk
    soiled.requires_grad_()
    ours = linear_cross_entropy(soiled, w, target, linear_bias=b, memory_limit=TILES)
    kept = target >= 0
    assert_close(ours, losses.cross_entropy(logits_of(x, w, b)[kept], target[kept]))
    slopes = torch.autograd.grad(ours, [soiled, w, b])
    assert all(slope.isfinite().all() for slope in slopes)
    assert (slopes[0][1] == 0).all()


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_backward_twice_gives_the_same_and_touches_nothing(reduction: str):
    x, w, b = layer(Shape())
    before = [t.detach().clone() for t in (x, w, b)]
    ours = linear_cross_entropy(
        x * 1.0, w, torch.tensor([0, 1, 2, 1, 0]), linear_bias=b, reduction=reduction, memory_limit=TILES
    )
    runs = [
        torch.autograd.grad(ours, [x, w, b], torch.full_like(ours, factor), retain_graph=True)
        for factor in (1, -2, 1)
    ]
    for first, second, third in zip(*runs, strict=True):
        assert_close(second, -2 * first)
        assert_close(third, first)
    assert all(torch.equal(t, old) for t, old in zip((x, w, b), before, strict=True))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@every_kind
@pytest.mark.parametrize("reduction", REDUCTIONS)
@pytest.mark.parametrize("limit", [TILES, None])
def test_first_and_second_derivatives_are_finite_differences(kind: str, reduction: str, limit: int | None):
    shape = Shape(rows=3)
    target = target_of(kind, shape)
    options = LossOptions(soft_cap=2.0, z_loss=0.1, sample_weight=row_values(shape))

    def value(x, w, b):
        return linear_cross_entropy(
            x, w, target, linear_bias=b, reduction=reduction, options=options, memory_limit=limit
        )

    assert torch.autograd.gradcheck(value, layer(shape), check_forward_ad=True)
    assert torch.autograd.gradgradcheck(value, layer(shape))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
def test_transforms_compose():
    x, w, b = (t.detach() for t in layer(Shape()))
    target = torch.tensor([0, 1, 2, 1, 0])

    def ours(x, w, b, t):
        return linear_cross_entropy(x, w, t, linear_bias=b, memory_limit=TILES)

    def plain(x, w, b, t):
        return F.cross_entropy(F.linear(x, w, b), t)

    for transform in (
        lambda f: grad(f, argnums=(0, 1, 2))(x, w, b, target),
        lambda f: vmap(grad(f, argnums=1), (0, None, None, 0))(x, w, b, target),
        lambda f: hessian(f, argnums=1)(x, w, b, target),
        lambda f: jvp(lambda w: f(x, w, b, target), (w,), (torch.ones_like(w),)),
    ):
        assert_close(transform(ours), transform(plain))


def test_targets_and_weights_may_require_gradients():
    x, w, b = layer(Shape())
    target = target_of("dense", Shape()).requires_grad_()
    weight = class_weight(Shape()).requires_grad_()
    ours = linear_cross_entropy(x, w, target, linear_bias=b, weight=weight, memory_limit=TILES)
    expected = losses.cross_entropy(logits_of(x, w, b), target, weight)
    assert_close(derivatives(ours, [x, target, weight]), derivatives(expected, [x, target, weight]))


@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_compile_gives_one_graph_and_the_same(reduction: str):
    x, w, b = layer(Shape())
    target = torch.tensor([0, -100, 2, 1, 0])

    def value(x, w, b):
        return linear_cross_entropy(x, w, target, linear_bias=b, reduction=reduction, memory_limit=TILES)

    compiled = torch.compile(value, backend="eager", fullgraph=True)
    assert_close(compiled(x, w, b), value(x, w, b))
    assert_close(derivatives(compiled(x, w, b), [x, w, b]), derivatives(value(x, w, b), [x, w, b]))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("reduction", REDUCTIONS)
def test_16_bit_inputs_are_no_worse_than_torchs(dtype: torch.dtype, reduction: str):
    shape = Shape(rows=64, classes=300)
    target = target_of("ids", shape)

    def outcome(function: Any, dtype: torch.dtype, **settings: Any) -> list[Tensor]:
        tensors = [t.detach().to(narrow).to(dtype).requires_grad_() for t in layer(shape, 32)]
        value = function(*tensors[:2], target, linear_bias=tensors[2], reduction=reduction, **settings)
        return [value.double(), *(g.double() for g in derivatives(value, tensors))]

    narrow = dtype
    truth = outcome(F.linear_cross_entropy, torch.float64)
    ours = outcome(linear_cross_entropy, dtype, memory_limit=1 << 16)
    torchs = outcome(F.linear_cross_entropy, dtype)
    for mine, theirs, true in zip(ours, torchs, truth, strict=True):
        assert (mine - true).norm() <= 1.05 * (theirs - true).norm() + 1e-3 * true.norm()


def test_under_autocast_the_loss_is_float32_as_torchs():
    x, w, b = layer(Shape(rows=20, classes=30), 16, torch.float32)
    target = target_of("ids", Shape(rows=20, classes=30))
    with torch.autocast("cpu", dtype=torch.bfloat16):
        ours = linear_cross_entropy(x, w, target, linear_bias=b, memory_limit=TILES)
        torchs = F.linear_cross_entropy(x, w, target, linear_bias=b)
    assert ours.dtype == torchs.dtype == torch.float32
    assert_close(ours, torchs, rtol=1e-2, atol=1e-2)
    for mine, theirs in zip(derivatives(ours, [x, w, b]), derivatives(torchs, [x, w, b]), strict=True):
        assert mine.dtype == theirs.dtype == torch.float32
        assert_close(mine, theirs, rtol=5e-2, atol=1e-2)


def test_meta_and_fake_tensors_pass_through():
    from torch._subclasses.fake_tensor import FakeTensorMode

    x, w = (t.detach() for t in layer(Shape())[:2])
    target = torch.tensor([0, 1, 2, 1, 0])
    assert linear_cross_entropy(*(t.to("meta") for t in (x, w, target)), memory_limit=TILES).is_meta
    with FakeTensorMode() as mode:
        fakes = [mode.from_tensor(t) for t in (x, w, target)]
        assert linear_cross_entropy(*fakes, reduction="none", memory_limit=TILES).shape == (5,)


def test_only_what_is_wanted_is_made():
    for wanted in itertools.product([False, True], repeat=3):
        tensors = [t.detach().requires_grad_(want) for t, want in zip(layer(Shape()), wanted, strict=True)]
        target = torch.tensor([0, 1, 2, 1, 0])
        for reduction in ("mean", "none"):
            ours = linear_cross_entropy(
                *tensors[:2], target, linear_bias=tensors[2], reduction=reduction, memory_limit=TILES
            )
            assert ours.requires_grad == any(wanted)
            if any(wanted):
                ours.sum().backward()
        assert [t.grad is not None for t in tensors] == list(wanted)


# What torch itself holds its own function to.


def _samples(name: str, dtype: torch.dtype) -> list[Any]:
    from torch.testing._internal.common_methods_invocations import op_db

    ops = [
        op for op in op_db if op.name == "nn.functional.linear_cross_entropy" and op.variant_test_name == name
    ]
    return [(op, sample) for op in ops for sample in op.sample_inputs("cpu", dtype, requires_grad=True)]


DOUBLE_TILES = {"dtype": torch.float64, "memory_limit": TILES}
VARIANTS = ["", "chunked", "chunked_none"]


@pytest.mark.filterwarnings(
    "ignore::DeprecationWarning:torch", "ignore::UserWarning", "ignore::FutureWarning"
)
@pytest.mark.parametrize("limit", [None, TILES])
@pytest.mark.parametrize("dtype", [torch.float64, torch.float32, torch.bfloat16, torch.float16], ids=str)
@pytest.mark.parametrize("variant", VARIANTS)
def test_torchs_own_samples(variant: str, dtype: torch.dtype, limit: int | None):
    samples = _samples(variant, dtype)
    assert len(samples) > 10
    for op, sample in samples:
        ours = linear_cross_entropy(sample.input, *sample.args, **sample.kwargs, memory_limit=limit)
        expected = op(sample.input, *sample.args, **sample.kwargs | {"options": None})
        assert ours.dtype == expected.dtype
        assert ours.shape == expected.shape
        narrow = dtype in (torch.bfloat16, torch.float16)
        close = {"rtol": 3e-2, "atol": 3e-2} if narrow else {}
        assert_close(ours, expected, **close)
        (first,) = torch.autograd.grad(ours.sum(), sample.input, retain_graph=True)
        assert_close(first, torch.autograd.grad(expected.sum(), sample.input)[0], **close)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
# The chunked samples differ in torch's options alone, which change nothing here.
@pytest.mark.parametrize("variant", ["", *(pytest.param(v, marks=pytest.mark.deep) for v in VARIANTS[1:])])
def test_torchs_own_samples_pass_gradcheck_and_gradgradcheck(variant: str):
    for _, sample in _samples(variant, torch.float64):
        tensors = [t for t in (sample.input, *sample.args, sample.kwargs.get("linear_bias")) if t is not None]
        wanted = [t for t in tensors if t.requires_grad]

        def value(*changed: Tensor, sample: Any = sample, wanted: list[Tensor] = wanted) -> Tensor:
            places = {id(tensor): place for place, tensor in enumerate(wanted)}

            def swap(given: Any) -> Any:
                return changed[places[id(given)]] if id(given) in places else given

            kwargs = {name: swap(v) for name, v in sample.kwargs.items()}
            return linear_cross_entropy(
                swap(sample.input), *map(swap, sample.args), **kwargs, memory_limit=TILES
            )

        assert torch.autograd.gradcheck(value, wanted, fast_mode=True, check_forward_ad=True)
        assert torch.autograd.gradgradcheck(value, wanted, fast_mode=True)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_torchs_own_error_inputs():
    from torch.testing._internal.common_methods_invocations import op_db

    op = next(op for op in op_db if op.name == "nn.functional.linear_cross_entropy")
    errors_of_torch = list(op.error_inputs("cpu"))
    assert len(errors_of_torch) >= 6
    for wrong in errors_of_torch:
        sample = wrong.sample_input
        with pytest.raises(wrong.error_type) as caught:
            linear_cross_entropy(sample.input, *sample.args, **sample.kwargs)
        assert isinstance(caught.value, errors.InputError)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::UserWarning", "ignore::FutureWarning")
def test_torchs_own_module_inputs_and_errors():
    from torch.testing._internal.common_modules import ModuleErrorEnum, module_db

    info = next(m for m in module_db if m.module_cls is torch.nn.LinearCrossEntropyLoss)
    arguments = {"device": "cpu", "dtype": torch.float64, "requires_grad": True, "training": True}
    inputs = info.module_inputs_func(info, **arguments)
    assert len(inputs) > 20
    for case in inputs:
        construct, forward = case.constructor_input, case.forward_input
        settings = {k: v for k, v in construct.kwargs.items() if k != "options"} | {"dtype": torch.float64}
        torchs = torch.nn.LinearCrossEntropyLoss(*construct.args, **settings)
        ours = losses.LinearCrossEntropyLoss(
            *construct.args, **construct.kwargs | {"dtype": torch.float64, "memory_limit": TILES}
        )
        assert list(ours.state_dict()) == list(torchs.state_dict())
        ours.load_state_dict(torchs.state_dict())
        expected = torchs(*forward.args, **forward.kwargs)
        value = ours(*forward.args, **forward.kwargs)
        assert_close(value, expected)
        assert_close(
            torch.autograd.grad(value.sum(), ours.linear.weight)[0],
            torch.autograd.grad(expected.sum(), torchs.linear.weight)[0],
        )
    for wrong in info.module_error_inputs_func(info, **arguments):
        construct, forward = (
            wrong.module_error_input.constructor_input,
            wrong.module_error_input.forward_input,
        )
        if wrong.error_on is ModuleErrorEnum.CONSTRUCTION_ERROR:
            with pytest.raises(wrong.error_type):
                losses.LinearCrossEntropyLoss(*construct.args, **construct.kwargs)
            continue
        module = losses.LinearCrossEntropyLoss(*construct.args, **construct.kwargs)
        with pytest.raises(wrong.error_type):
            module(*forward.args, **forward.kwargs)


def test_the_module_works_under_functional_call():
    module = losses.LinearCrossEntropyLoss(4, 3, weight=torch.tensor([1.0, 2.0, 3.0]))
    x, target = torch.randn(5, 4), torch.tensor([0, 1, 2, 1, 0])
    doubled = functional_call(module, {"weight": torch.tensor([2.0, 4.0, 6.0])}, (x, target))
    assert_close(doubled, module(x, target))


E = errors
X, W, B = (t.detach() for t in layer(Shape()))
T = torch.tensor([0, 1, 2, 1, 0])
REFUSALS: list[tuple[type[errors.CrossEntropyError], str, tuple[Any, ...], dict[str, Any]]] = [
    (E.ShapeError, r"dimensionality 1 or 2.*flatten", (X[None], W, T), {}),
    (E.ShapeError, r"linear_weight has shape \(4,\)", (X, W[0], T), {}),
    (E.ShapeError, r"input has 4 features, linear_weight 3.*linear_weight\.T", (X, W.T, T), {}),
    (E.ShapeError, r"linear_bias has shape \(2,\); expected \(3,\)", (X, W, T), {"linear_bias": B[:2]}),
    (E.ShapeError, r"takes \(N, D\).*unsqueeze", (X[0], W[:, None], T[0]), {}),
    (E.ShapeError, r"linear_weight has dtype float32", (X, W.float(), T), {}),
    (E.AxisError, r"no classes", (X, W[:0], T), {}),
    (E.ClassIdError, r"id 3 at row 1", (X, W, torch.tensor([0, 3, 0, 0, 0])), {}),
    (E.TargetError, r"class ids are integers", (X, W, T.double()), {}),
    (E.ShapeError, r"squeeze\(1\)", (X, W, T[:, None]), {}),
    (
        E.ConfigError,
        r"ignore_index=0 is for class ids",
        (X, W, target_of("dense", Shape())),
        {"ignore_index": 0},
    ),
    (E.ConfigError, r"memory_limit=0", (X, W, T), {"memory_limit": 0}),
    (E.TensorTypeError, r"memory_limit='1GB' is a str", (X, W, T), {"memory_limit": "1GB"}),
    (E.TensorTypeError, r"is a Linear.*linear_weight\.weight", (X, torch.nn.Linear(4, 3), T), {}),
    (E.ShapeError, r"target is on device meta", (X, W, T.to("meta")), {}),
    (E.ShapeError, r"linear_weight is on device meta", (X, W.to("meta"), T), {}),
    (E.ConfigError, r"'avg' is not one of", (X, W, T), {"reduction": "avg"}),
    (E.ConfigError, r"no by-product", (X, W, T), {"by_products": ["accuracy"]}),
    (E.TensorTypeError, r"input has dtype int64", (X.long(), W.long(), T), {}),
    (E.TensorTypeError, r"linear_weight is a list", (X, [[1.0]], T), {}),
    (E.TensorTypeError, r"options is a dict", (X, W, T), {"options": {}}),
]


@pytest.mark.parametrize(("error", "message", "args", "settings"), REFUSALS, ids=[r[1] for r in REFUSALS])
def test_a_wrong_call_is_refused_and_says_why(error: Any, message: str, args: Any, settings: Any):
    with pytest.raises(error, match=message):
        linear_cross_entropy(*args, **settings)


def test_gradient_accumulation_with_a_divisor_is_the_whole_batch():
    x, w, b = layer(Shape(rows=8))
    target = target_of("ids", Shape(rows=8))
    target[2] = -100
    whole = linear_cross_entropy(x, w, target, linear_bias=b, memory_limit=TILES)
    options = LossOptions(divisor=torch.tensor(7.0, dtype=torch.float64))
    parts = [
        linear_cross_entropy(
            x[i : i + 3], w, target[i : i + 3], linear_bias=b, options=options, memory_limit=TILES
        )
        for i in range(0, 8, 3)
    ]
    assert_close(sum(parts), whole)
    assert_close(derivatives(sum(parts), [x, w, b]), derivatives(whole, [x, w, b]))
    assert replace(options, divisor=None).divisor is None
    assert isinstance(SparseTarget(target[:, None], x[:, :1]), tuple)
