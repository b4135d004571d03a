"""The losses of one class out of K: from logits, and from log-probabilities."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import overload

import torch
from torch import Tensor
from torch.nn import functional

from crossentropy.losses import _definition as definition
from crossentropy.losses import _fast as fast
from crossentropy.losses._checks import (
    check_class_weight,
    check_distributions,
    check_ignore_index,
    check_logits,
    check_same_dtype,
    check_tensors,
    class_ids,
    sparse_target,
)
from crossentropy.losses._guard import check_probabilities_as_logits, look_at_distributions, may_look
from crossentropy.losses._option_checks import check_by_products, check_label_smoothing, check_options
from crossentropy.losses._options import NO_OPTIONS, LossOptions, LossResult, SparseTarget
from crossentropy.losses._precision import result_dtype, widen, widen_options
from crossentropy.losses._reduction import check_reduction
from crossentropy.losses._rows import Rows
from crossentropy.losses.observers import observed


@overload
def cross_entropy(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    options: LossOptions = NO_OPTIONS,
    by_products: None = None,
) -> Tensor: ...
@overload
def cross_entropy(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    options: LossOptions = NO_OPTIONS,
    by_products: Collection[str],
) -> LossResult: ...
@observed
def cross_entropy(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
    options: LossOptions = NO_OPTIONS,
    by_products: Collection[str] | None = None,
) -> Tensor | LossResult:
    r"""Cross-entropy of logits against class ids or distributions over classes.

    .. math::
        \ell_i = -\sum_k w_k\, q_{ik} \Bigl(z_{ik} - \log \sum_j e^{z_{ij}}\Bigr),
        \qquad q = (1 - \varepsilon)\, y + \varepsilon / C

    y is the distribution, or the one-hot of the class id. Same results as `torch.nn.functional.cross_entropy`. Beyond
    it: class ids of any integer dtype; sparse distributions; `options`, and by-products of the same pass;
    `0 * log 0 = 0`, so a class of probability, or of weight, zero may have the logit -inf; a row that is left out has
    the gradient zero even where its logits are not finite.

    Distributions are taken as they are: rows that are negative or do not sum to 1 go through the same formula.

    Args:
        input: logits, (C), (N, C) or (N, C, d1, ...). Not probabilities: softmax is inside.
        target: class ids, of the shape of `input` without C; or a distribution over classes for each row, of the shape
            of `input` and any floating dtype; or a `SparseTarget`.
        weight: (C), a weight w for each class.
        ignore_index: the class id of rows to leave out; not for dense distributions, which have `options.ignored`.
        reduction: "none", "sum" or "mean". The mean is weighted: it divides by the sum of the weights of the target
            classes of the rows that are not left out. With distributions it divides by the number of those rows.
        label_smoothing: epsilon in [0, 1], the share of the target that is spread over all classes.
        options: see `LossOptions`.
        by_products: names of the fields of `LossResult` to fill.

    Returns:
        The loss in nats: a scalar, or with "none" one for each row (0 where left out). The mean over no rows, or over
        a total weight of zero, is NaN; the sum is 0. 16-bit inputs are computed in float32. With `by_products`, a
        `LossResult`.

    Raises:
        ClassIdError: a class id outside [0, C) that is not `ignore_index`; names the row and the value.
        TargetError: `target` has the dtype of neither class ids nor distributions.
        ShapeError: shapes or dtypes do not fit, or there are no classes.
        ConfigError: an unknown reduction, a smoothing outside [0, 1], an option out of range, an ignored class id for
            distributions.
        InputError: an argument is not a tensor.

    Example:
        >>> import torch
        >>> from crossentropy.losses import cross_entropy
        >>> logits = torch.tensor([[2.0, 0.0, 0.0], [0.0, 1.0, 0.0]])
        >>> cross_entropy(logits, torch.tensor([0, 2]))
        tensor(0.8955)
        >>> cross_entropy(logits, torch.tensor([0, -100]), reduction="none")
        tensor([0.2395, 0.0000])

    References:
        Good, Rational decisions, 1952 (the score). Szegedy et al., Rethinking the Inception architecture, 2016,
        section 7 (label smoothing).
    """
    plain = weight is None and options is NO_OPTIONS and by_products is None
    if plain and fast.torch_takes_at_once(input, target, ignore_index, label_smoothing):
        assert isinstance(target, Tensor)
        try:
            return functional.cross_entropy(
                input, target, reduction=reduction, label_smoothing=label_smoothing
            )
        except (IndexError, TypeError, ValueError, RuntimeError):
            pass  # the checks say what is wrong
    target, dtype = _checked(input, target, weight, ignore_index, label_smoothing)
    check_reduction(reduction)
    axis = definition.class_axis(input)
    check_options(options, reduction, input, input.shape[:axis] + input.shape[axis + 1 :], input.shape[axis])
    if may_look((input,), asked=options.probabilities == "raise"):
        check_probabilities_as_logits(input, axis, options)
    look_at_distributions(target, axis, ignore_index, options)
    rows = Rows(target, widen(weight), ignore_index, label_smoothing, widen_options(options))
    if by_products is None:
        return _loss(input, rows, reduction).to(dtype)
    check_by_products(by_products)
    return _with_by_products(input, rows, reduction, dtype, by_products)


def _loss(input: Tensor, rows: Rows, reduction: str) -> Tensor:
    """The loss by the fastest way that can take the problem."""
    if fast.takes(input, rows.target, rows.weight):
        done = fast.cross_entropy(input, rows, reduction)
        if done is not None:
            return done[0]
    elif fast.torch_takes(input, rows):
        return fast.by_torch(input, rows, reduction)
    return rows.widened().loss(widen(input), reduction)


def _with_by_products(
    input: Tensor, rows: Rows, reduction: str, dtype: torch.dtype, names: Collection[str]
) -> LossResult:
    if names and fast.takes(input, rows.target, rows.weight):
        done = fast.cross_entropy(input, rows, reduction, names)
        if done is not None:
            loss, found = done
            if "losses" in found:
                found["losses"] = found["losses"].to(dtype)
            return LossResult(loss=loss.to(dtype), **found)
    each = replace(rows, options=replace(rows.options, divisor=None))
    with torch.no_grad():
        found = definition.by_products(widen(input), widen(rows.target), rows.ignore_index, rows.options)
        if "losses" in names:
            found["losses"] = _loss(input, each, "none").to(dtype)
    loss = _loss(input, rows, reduction).to(dtype)
    return LossResult(loss=loss, **{name: found[name] for name in names})


def _checked(
    input: Tensor,
    target: Tensor | SparseTarget,
    weight: Tensor | None,
    ignore_index: int,
    label_smoothing: float,
) -> tuple[Tensor | SparseTarget, torch.dtype]:
    """Return the target with its class ids as int64, and the dtype of the loss."""
    if isinstance(target, SparseTarget):
        check_tensors(input=input, weight=weight)
    else:
        check_tensors(input=input, target=target, weight=weight)
    check_class_weight(weight, check_logits(input))
    check_ignore_index(ignore_index)
    check_label_smoothing(label_smoothing)
    if isinstance(target, SparseTarget):
        target = sparse_target(input, target, ignore_index)
        return target, result_dtype(input, target.probabilities, weight)
    if target.shape == input.shape:
        check_distributions(target, ignore_index)
        return target, result_dtype(input, target, weight)
    check_same_dtype("weight", weight, input)
    return class_ids(input, target, ignore_index), result_dtype(input)


@observed
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    *,
    ignore_index: int = -100,
    reduction: str = "mean",
) -> Tensor:
    r"""Negative log-likelihood of class ids, from log-probabilities.

    .. math:: \ell_i = -w_{t_i} \log p_{i t_i}

    `cross_entropy(z, t)` is `nll_loss(log_softmax(z, 1), t)`. Same results as `torch.nn.functional.nll_loss`. Beyond
    it: class ids of any integer dtype, and a class of weight zero may have the log-probability -inf.

    Args:
        input: log-probabilities, (C), (N, C) or (N, C, d1, ...). They are not checked to be at most 0.
        target: class ids, of the shape of `input` without C.
        weight: (C), a weight w for each class.
        ignore_index: the class id of rows to leave out.
        reduction: "none", "sum" or "mean", which divides by the sum of the weights of the rows that are not ignored.

    Returns:
        The loss in nats: a scalar, or with "none" one for each row (0 where ignored). The mean over no rows, or over a
        total weight of zero, is NaN; the sum is 0.

    Raises:
        ClassIdError: a class id outside [0, C) that is not `ignore_index`; names the row and the value.
        TargetError: `target` is not of an integer dtype.
        ShapeError: shapes or dtypes do not fit, or there are no classes.
        ConfigError: an unknown reduction.
        InputError: an argument is not a tensor.

    Example:
        >>> import torch
        >>> from crossentropy.losses import nll_loss
        >>> nll_loss(torch.tensor([[0.1, 0.2, 0.2, 0.5]]).log(), torch.tensor([1]))
        tensor(1.6094)

    References:
        Fisher, On the mathematical foundations of theoretical statistics, 1922, section 6.
    """
    check_tensors(input=input, target=target, weight=weight)
    check_class_weight(weight, check_logits(input))
    check_ignore_index(ignore_index)
    check_same_dtype("weight", weight, input)
    target = class_ids(input, target, ignore_index)
    return definition.nll_loss(widen(input), target, widen(weight), ignore_index, reduction).to(
        result_dtype(input)
    )
