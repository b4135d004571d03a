"""The losses of two classes, one number for each decision: from logits, and from probabilities."""

from __future__ import annotations

from torch import Tensor

from crossentropy.losses import _binary_fast as fast
from crossentropy.losses import _definition as definition
from crossentropy.losses._checks import (
    check_broadcast,
    check_floating,
    check_floating_target,
    check_logits,
    check_probabilities,
    check_same_dtype,
    check_same_shape,
    check_tensors,
    sparse_target,
)
from crossentropy.losses._guard import check_are_binary, may_look
from crossentropy.losses._option_checks import check_label_smoothing, check_options
from crossentropy.losses._options import NO_OPTIONS, LossOptions, SparseTarget
from crossentropy.losses._precision import result_dtype, widen, widen_options
from crossentropy.losses._reduction import check_reduction
from crossentropy.losses.observers import observed


@observed
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None = None,
    *,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
    label_smoothing: float = 0.0,
    options: LossOptions = NO_OPTIONS,
) -> Tensor:
    r"""Cross-entropy of binary logits, each decision on its own.

    .. math::
        \ell_i = -w_i \bigl(c_i\, q_i \log \sigma(z_i) + (1 - q_i) \log \sigma(-z_i)\bigr),
        \qquad q = (1 - \varepsilon)\, y + \varepsilon / 2, \qquad \sigma(z) = 1 / (1 + e^{-z})

    Same results as `torch.nn.functional.binary_cross_entropy_with_logits`. Beyond it: `0 * log 0 = 0`, so an infinite
    logit on the right side costs 0. Targets outside [0, 1] go through the same formula; the loss then has no minimum.

    Args:
        input: logits of any shape, the log-odds of class 1.
        target: probabilities of class 1, of the same shape and any floating dtype; or, for logits (N, K), a
            `SparseTarget` whose ids are the labels that are not 0.
        weight: w, of a shape that broadcasts to that of `input`.
        reduction: "none", "sum" or "mean", which divides by the number of elements, whatever the weights.
        pos_weight: c, the weight of the positive part, of a shape that broadcasts to that of `input`.
        label_smoothing: epsilon in [0, 1], the share of the target that is spread evenly over both classes.
        options: see `LossOptions`. Each logit is a row of its own; the bias is one for each index of axis 1.

    Returns:
        The loss in nats, in the dtype of `target`: a scalar, or with "none" one for each element. The mean over no
        elements is NaN. 16-bit inputs are computed in float32.

    Raises:
        TargetError: `target` is not of a floating dtype.
        ShapeError: shapes or dtypes do not fit.
        ConfigError: an unknown reduction.
        InputError: an argument is not a tensor.

    Example:
        >>> import torch
        >>> from crossentropy.losses import binary_cross_entropy_with_logits
        >>> logits, target = torch.tensor([0.0, 2.0, -2.0]), torch.tensor([1.0, 1.0, 1.0])
        >>> binary_cross_entropy_with_logits(logits, target, reduction="none")
        tensor([0.6931, 0.1269, 2.1269])

    References:
        Cox, The regression analysis of binary sequences, 1958. Mächler, Accurately computing log(1 - exp(-|a|)), 2012.
    """
    check_tensors(input=input, weight=weight, pos_weight=pos_weight)
    check_floating("input", input)
    if isinstance(target, SparseTarget):
        check_logits(input)
        target = sparse_target(input, target, ignore_index=-100)
        dtype = result_dtype(target.probabilities)
    else:
        check_tensors(input=input, target=target)
        check_same_shape(input, target)
        check_floating_target(target)
        dtype = result_dtype(target)
    check_broadcast("weight", weight, input)
    check_broadcast("pos_weight", pos_weight, input)
    check_label_smoothing(label_smoothing)
    check_reduction(reduction)
    classes = input.shape[definition.class_axis(input)] if input.ndim else None
    check_options(options, reduction, input, input.shape, classes)
    if may_look((target, options.ignored), asked=options.strict):
        check_are_binary(target, options)
    bare = weight is None and pos_weight is None and label_smoothing == 0 and options is NO_OPTIONS
    if bare and isinstance(target, Tensor) and fast.takes(input, target, reduction):
        return fast.binary_cross_entropy_with_logits(input, target, reduction).to(dtype)
    return definition.binary_cross_entropy_with_logits(
        widen(input),
        widen(target),
        widen(weight),
        reduction,
        widen(pos_weight),
        label_smoothing,
        widen_options(options),
    ).to(dtype)


@observed
def binary_cross_entropy(
    input: Tensor, target: Tensor, weight: Tensor | None = None, *, reduction: str = "mean"
) -> Tensor:
    r"""Cross-entropy of binary probabilities, each decision on its own.

    .. math:: \ell_i = -w_i \bigl(y_i \log p_i + (1 - y_i) \log (1 - p_i)\bigr)

    Same results as `torch.nn.functional.binary_cross_entropy`: the logarithms are at least -100, so that a probability
    of exactly 0 or 1 costs at most 100 nats, and the slopes are at most 1e12. In float32 a probability rounds to 1
    from the logit 17 on: with logits at hand, `binary_cross_entropy_with_logits` is exact.

    Args:
        input: probabilities of class 1 in [0, 1], of any shape.
        target: probabilities of class 1 in [0, 1], of the same shape and dtype.
        weight: w, of a shape that broadcasts to that of `input`.
        reduction: "none", "sum" or "mean", which divides by the number of elements, whatever the weights.

    Returns:
        The loss in nats: a scalar, or with "none" one for each element. The mean over no elements is NaN. 16-bit
        inputs are computed in float32.

    Raises:
        TargetError: a target outside [0, 1], or not of a floating dtype; names the row and the value.
        InputError: a probability outside [0, 1], names the row and the value; or an argument is not a tensor.
        ShapeError: shapes or dtypes do not fit.
        ConfigError: an unknown reduction.

    Example:
        >>> import torch
        >>> from crossentropy.losses import binary_cross_entropy
        >>> binary_cross_entropy(torch.tensor([0.8, 0.8]), torch.tensor([1.0, 0.0]), reduction="none")
        tensor([0.2231, 1.6094])

    References:
        Good, Rational decisions, 1952.
    """
    check_tensors(input=input, target=target, weight=weight)
    check_same_shape(input, target)
    check_floating("input", input)
    check_floating_target(target)
    check_same_dtype("target", target, input)
    check_broadcast("weight", weight, input)
    check_probabilities(input, target)
    return definition.binary_cross_entropy(widen(input), widen(target), widen(weight), reduction).to(
        result_dtype(input)
    )
