"""The losses of a linear layer's output: the layer and the loss in one, so that the logits need not exist whole."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any, overload

import torch
from torch import Tensor
from torch.autograd import forward_ad

from crossentropy.losses._checks import (
    _readable as readable,
)
from crossentropy.losses._checks import (
    check_broadcast,
    check_floating_target,
    check_same_shape,
    check_tensors,
    sparse_target,
)
from crossentropy.losses._guard import (
    check_are_binary,
    check_probabilities_of_layer,
    look_at_distributions,
    may_look,
)
from crossentropy.losses._linear_checks import (
    autocast,
    check_distributions_have_no_ignored_id,
    check_layer,
    check_memory_limit,
)
from crossentropy.losses._linear_pass import Layer
from crossentropy.losses._linear_problem import Binary, Problem, Softmax
from crossentropy.losses._linear_tiles import Call, Tiled, whole
from crossentropy.losses._multiclass import _checked as checked_target
from crossentropy.losses._option_checks import check_by_products, check_label_smoothing, check_options
from crossentropy.losses._options import NO_OPTIONS, LossOptions, LossResult, SparseTarget
from crossentropy.losses._precision import result_dtype, widen, widen_options
from crossentropy.losses._reduction import check_reduction
from crossentropy.losses.observers import observed

# Logits of fewer bytes are made whole: cheaper than tiles, and autograd's own.
_SMALL = 1 << 18


@overload
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor | SparseTarget,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
    memory_limit: int | None = None,
    by_products: None = None,
) -> Tensor: ...
@overload
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor | SparseTarget,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
    memory_limit: int | None = None,
    by_products: Collection[str],
) -> LossResult: ...
@observed
def linear_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor | SparseTarget,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    ignore_index: int | None = None,
    label_smoothing: float = 0.0,
    options: Any = None,
    memory_limit: int | None = None,
    by_products: Collection[str] | None = None,
) -> Tensor | LossResult:
    r"""Cross-entropy of the logits of a linear layer, without the logits.

    .. math:: z = x W^\top + b, \qquad L = \text{cross\_entropy}(z, y)

    Same results as `torch.nn.functional.linear_cross_entropy`, and every option of `cross_entropy`. The (N, C) logits
    exist a tile at a time; rows that are left out are dropped before the products. With a scalar loss the gradients
    are made together with it: as many products as without tiles. A layer with further axes has logits (N, C, d1, ...).

    What needs more than the gradients of `input`, `linear_weight` and `linear_bias` takes the logits whole: targets,
    weights or options that require a gradient, transforms of `torch.func`, forward mode, `torch.compile`, and, within
    a backward pass that is itself differentiated, that pass.

    Args:
        input: features, (D) or (N, D).
        linear_weight: (C, D), or (C, d1, ..., D).
        target: class ids (N) or (N, d1, ...), distributions (N, C) or (N, C, d1, ...), or a `SparseTarget`.
        linear_bias: (C) or (C, d1, ...).
        weight: (C), a weight for each class.
        reduction: "none", "sum" or "mean", as in `cross_entropy`.
        ignore_index: the class id of rows to leave out; -100 if not given, and not to be given with distributions.
        label_smoothing: the share of the target that is spread over all classes.
        options: a `LossOptions`. torch's `LinearCrossEntropyOptions` is taken too, and changes nothing: the tiles here
            follow from `memory_limit`.
        memory_limit: bytes for the tiles, beside the inputs and the gradients; by default chosen for speed.
        by_products: names of the fields of `LossResult` to fill, from the same pass.

    Returns:
        The loss in nats, or a `LossResult`, as `cross_entropy` does. 16-bit inputs are summed in float32.

    Raises:
        ShapeError: shapes or dtypes do not fit.
        ClassIdError, TargetError, ConfigError, InputError: as in `cross_entropy`.

    Example:
        >>> import torch
        >>> from crossentropy.losses import linear_cross_entropy
        >>> features, weight = torch.tensor([[1.0, 0.0], [0.0, 1.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> linear_cross_entropy(features, weight, torch.tensor([0, 0]))
        tensor(0.7201)

    References:
        Wijmans et al., Cut your losses in large-vocabulary language models, 2025, section 4. Hsu et al., Liger Kernel,
        2024, section 3.2.
    """
    logits_like, layer = _checked_layer(input, linear_weight, linear_bias)
    options = _own_options(options)
    check_distributions_have_no_ignored_id(logits_like, target, ignore_index)
    ignored_id = -100 if ignore_index is None else ignore_index
    target, dtype = checked_target(logits_like, target, weight, ignored_id, label_smoothing)
    check_reduction(reduction)
    axis = min(logits_like.ndim - 1, 1)
    rows = logits_like.shape[:axis] + logits_like.shape[axis + 1 :]
    check_options(options, reduction, input, rows, logits_like.shape[axis])
    check_memory_limit(memory_limit)
    if may_look(layer, asked=options.probabilities == "raise"):
        check_probabilities_of_layer(layer, linear_weight.shape[0], linear_weight.shape[1:-1], options)
    look_at_distributions(target, axis, ignored_id, options)
    names = () if by_products is None else tuple(by_products)
    if by_products is not None:
        check_by_products(by_products)
    single = input.ndim == 1
    problem = Softmax(
        target=_batched(target, single),
        classes=linear_weight.shape[0],
        further=linear_weight.shape[1:-1],
        weight=widen(weight),
        reduction=reduction,
        label_smoothing=label_smoothing,
        options=_batched_options(widen_options(options), single),
        ignore_index=ignored_id,
    )
    loss, found = _loss(layer, problem, memory_limit, names)
    loss = loss.squeeze(0) if single and reduction == "none" else loss
    if by_products is None:
        return loss.to(dtype)
    return LossResult(loss=loss.to(dtype), **{k: v.squeeze(0) if single else v for k, v in found.items()})


@observed
def linear_binary_cross_entropy(
    input: Tensor,
    linear_weight: Tensor,
    target: Tensor | SparseTarget,
    *,
    linear_bias: Tensor | None = None,
    weight: Tensor | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    options: LossOptions = NO_OPTIONS,
    memory_limit: int | None = None,
) -> Tensor:
    r"""Binary cross-entropy of the logits of a linear layer, each decision on its own, without the logits.

    .. math:: z = x W^\top + b, \qquad L = \text{binary\_cross\_entropy\_with\_logits}(z, y)

    Every option of `binary_cross_entropy_with_logits`; tiles, gradients and limits are those of `linear_cross_entropy`.
    With a `SparseTarget` nothing of the size of the logits exists at all: K labels of which a row has a few.

    Args:
        input: features, (N, D).
        linear_weight: (K, D).
        target: probabilities of class 1, (N, K), or a `SparseTarget` of the labels that are not 0.
        linear_bias: (K).
        weight: of a shape that broadcasts to (N, K).
        reduction: "none", "sum" or "mean".
        pos_weight: the weight of the positive part, of a shape that broadcasts to (N, K).
        label_smoothing: the share of the target that is spread evenly over both classes.
        options: see `LossOptions`.
        memory_limit: bytes for the tiles, beside the inputs and the gradients; by default chosen for speed.

    Returns:
        The loss in nats: a scalar, or with "none" one for each decision, (N, K).

    Raises:
        ShapeError: shapes or dtypes do not fit.
        TargetError, ConfigError, InputError: as in `binary_cross_entropy_with_logits`.

    Example:
        >>> import torch
        >>> from crossentropy.losses import linear_binary_cross_entropy
        >>> features, weight = torch.tensor([[1.0, 0.0]]), torch.tensor([[2.0, 0.0], [0.0, 1.0]])
        >>> linear_binary_cross_entropy(features, weight, torch.tensor([[1.0, 0.0]]))
        tensor(0.4100)

    References:
        Cox, The regression analysis of binary sequences, 1958.
    """
    logits_like, layer = _checked_layer(input, linear_weight, linear_bias)
    check_tensors(input=input, weight=weight, pos_weight=pos_weight)
    if isinstance(target, SparseTarget):
        target = sparse_target(logits_like, target, ignore_index=-100)
        dtype = result_dtype(target.probabilities)
    else:
        check_tensors(input=input, target=target)
        check_same_shape(logits_like, target)
        check_floating_target(target)
        dtype = result_dtype(target)
    check_broadcast("weight", weight, logits_like)
    check_broadcast("pos_weight", pos_weight, logits_like)
    check_label_smoothing(label_smoothing)
    check_reduction(reduction)
    check_options(options, reduction, input, logits_like.shape, linear_weight.shape[0])
    check_memory_limit(memory_limit)
    if may_look((target, options.ignored), asked=options.strict):
        check_are_binary(target, options)
    single = input.ndim == 1
    problem = Binary(
        target=_batched(target, single),
        classes=linear_weight.shape[0],
        further=linear_weight.shape[1:-1],
        weight=widen(weight),
        pos_weight=widen(pos_weight),
        reduction=reduction,
        label_smoothing=label_smoothing,
        options=_batched_options(widen_options(options), single),
    )
    if reduction == "none":  # the losses are as large as the logits
        loss = whole(layer, problem)
        return (loss.squeeze(0) if single else loss).to(dtype)
    return _loss(layer, problem, memory_limit, ())[0].to(dtype)


def _checked_layer(input: Tensor, linear_weight: Tensor, linear_bias: Tensor | None) -> tuple[Tensor, Layer]:
    # The logits as far as checks need them: their shape, dtype and device, in no memory.
    check_layer(input, linear_weight, linear_bias)
    shape = (*input.shape[:-1], *linear_weight.shape[:-1])
    logits_like = input.detach().new_zeros(()).expand(shape)
    input, linear_weight = input.resolve_neg(), linear_weight.resolve_neg()
    features = input.unsqueeze(0) if input.ndim == 1 else input
    weight = linear_weight.reshape(-1, linear_weight.shape[-1])
    bias = None if linear_bias is None else autocast(linear_bias.reshape(-1))
    return logits_like, Layer(autocast(features), autocast(weight), bias)


def _loss(
    layer: Layer, problem: Problem, memory_limit: int | None, names: tuple[str, ...]
) -> tuple[Tensor, dict[str, Tensor]]:
    if not _by_tiles(layer, problem, memory_limit):
        found = {}
        if names:
            with torch.no_grad():
                found = problem.by_products(widen(problem.logits(*layer)))
        return whole(layer, problem), {name: found[name].detach() for name in names}
    call = Call(problem, memory_limit, names, torch.is_grad_enabled(), {})
    loss: Tensor = Tiled.apply(*layer, call)  # type: ignore[no-untyped-call]
    return loss, call.found


def _by_tiles(layer: Layer, problem: Problem, memory_limit: int | None) -> bool:
    tensors = [t for t in layer if t is not None]
    if not all(readable(t) for t in tensors) or any(t.requires_grad for t in problem.tensors()):
        return False
    if any(_is_dual(t) for t in [*tensors, *problem.tensors()]):
        return False
    logits = len(layer.features) * len(layer.weight) * max(4, layer.weight.element_size())
    return logits > _SMALL or (memory_limit is not None and problem.copies * logits > memory_limit)


def _is_dual(tensor: Tensor) -> bool:
    return forward_ad.unpack_dual(tensor).tangent is not None  # type: ignore[no-untyped-call]


def _own_options(options: Any) -> LossOptions:
    torchs = getattr(torch.nn, "LinearCrossEntropyOptions", ())
    return NO_OPTIONS if options is None or isinstance(options, torchs) else options


def _batched(target: Any, single: bool) -> Any:
    if not single:
        return target
    return (
        SparseTarget(*(t.unsqueeze(0) for t in target))
        if isinstance(target, SparseTarget)
        else target.unsqueeze(0)
    )


def _batched_options(options: LossOptions, single: bool) -> LossOptions:
    if not single or (options.sample_weight is None and options.ignored is None):
        return options
    s, ignored = options.sample_weight, options.ignored
    return replace(
        options,
        sample_weight=None if s is None else s.unsqueeze(0),
        ignored=None if ignored is None else ignored.unsqueeze(0),
    )
