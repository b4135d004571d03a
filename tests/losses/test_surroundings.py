"""What the caller has set or done around a loss: default device and dtype, tracing, views, changes in place."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.testing import assert_close

from crossentropy.losses import (
    LossOptions,
    binary_cross_entropy_with_logits,
    cross_entropy,
    linear_cross_entropy,
)
from crossentropy.losses import _fast as fast
from crossentropy.losses import _linear_cpu as linear_cpu
from crossentropy.losses._options import BY_PRODUCTS
from tests.losses.loss_list import random

N, K, D = 40, 300, 8
Z, T = torch.randn(N, K, generator=random(0)), torch.randint(K, (N,), generator=random(1))
X, W = torch.randn(N, D, generator=random(2)), torch.randn(K, D, generator=random(3))
Y, Q = torch.rand(N, K, generator=random(4)), Z.flip(0).softmax(1)
S = torch.rand(N, generator=random(5))
WEIGHTED = LossOptions(sample_weight=S, z_loss=0.1)

LOSSES: dict[str, Callable[[Tensor], Tensor]] = {
    "ids": lambda z: cross_entropy(z, T),
    "none": lambda z: cross_entropy(z, T, reduction="none").sum(),
    "smoothed": lambda z: cross_entropy(z, T, label_smoothing=0.1),
    "weighted": lambda z: cross_entropy(z, T, options=WEIGHTED),
    "dense": lambda z: cross_entropy(z, Q),
    "by-products": lambda z: cross_entropy(z, T, by_products=("entropy", "losses")).loss,
    "binary": lambda z: binary_cross_entropy_with_logits(z, Y),
    "linear": lambda z: linear_cross_entropy(X + z[:, :D], W, T, label_smoothing=0.1, memory_limit=1),
}
every_loss = pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)


@pytest.fixture(autouse=True, params=["kernels", "by size"])
def size(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    if request.param == "kernels":
        monkeypatch.setattr(fast, "WORTH_A_KERNEL", 1)
        monkeypatch.setattr(linear_cpu, "_WORTH", 0)


@pytest.fixture
def elsewhere() -> Iterator[None]:
    """A default device on which nothing can be computed, and the wide default dtype."""
    torch.set_default_device("meta")
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)
    torch.set_default_device(None)


def value_and_slope(loss: Callable[[Tensor], Tensor], z: Tensor) -> tuple[Tensor, Tensor]:
    leaf = z.detach().clone().requires_grad_()
    value = loss(leaf)
    return value.detach(), torch.autograd.grad(value, leaf)[0]


@every_loss
def test_the_default_device_and_dtype_do_not_matter(
    loss: Callable[[Tensor], Tensor], request: pytest.FixtureRequest
):
    expected = value_and_slope(loss, Z)
    request.getfixturevalue("elsewhere")
    found = value_and_slope(loss, Z)
    for ours, before in zip(found, expected, strict=True):
        assert ours.device.type == "cpu"
        assert ours.dtype == torch.float32
        assert torch.equal(ours, before)


def test_by_products_stay_where_the_logits_are(request: pytest.FixtureRequest):
    request.getfixturevalue("elsewhere")
    result = cross_entropy(Z, T, by_products=BY_PRODUCTS)
    assert {getattr(result, name).device.type for name in BY_PRODUCTS} == {"cpu"}


@every_loss
def test_a_view_with_the_other_sign_is_what_it_stands_for(loss: Callable[[Tensor], Tensor]):
    negative = torch._neg_view(-Z)
    assert negative.is_neg()
    assert_close(loss(negative), loss(Z))
    leaf = (-Z).requires_grad_()
    assert_close(torch.autograd.grad(loss(torch._neg_view(leaf)), leaf)[0], -value_and_slope(loss, Z)[1])


def test_targets_and_weights_may_be_such_views():
    w = torch.rand(K, generator=random(6))

    def other(t: Tensor) -> Tensor:
        return torch._neg_view(-t)

    assert_close(cross_entropy(Z, other(Q), other(w)), cross_entropy(Z, Q, w))
    options = LossOptions(bias=other(w), sample_weight=other(S))
    assert_close(
        cross_entropy(Z, T, options=options),
        cross_entropy(Z, T, options=LossOptions(bias=w, sample_weight=S)),
    )
    assert_close(binary_cross_entropy_with_logits(Z, other(Y)), binary_cross_entropy_with_logits(Z, Y))


def test_logits_may_be_changed_in_place_before_a_backward_as_with_torch():
    slopes = []
    for function in (cross_entropy, F.cross_entropy):
        leaf = Z.clone().requires_grad_()
        z = leaf * 1.0
        loss = function(z, T)
        z.zero_()
        slopes.append(torch.autograd.grad(loss, leaf)[0])
    assert_close(*slopes)


def test_a_second_backward_after_a_change_in_place_is_refused_or_right():
    leaf = Z.clone().requires_grad_()
    z = leaf * 1.0
    loss = cross_entropy(z, T, options=WEIGHTED)
    first = torch.autograd.grad(loss, leaf, retain_graph=True)[0].clone()
    z.zero_()
    with contextlib.suppress(RuntimeError):  # torch names the change in place
        assert_close(torch.autograd.grad(loss, leaf)[0], first)


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::torch.jit.TracerWarning")
def test_a_trace_follows_other_logits():
    def loss(z: Tensor) -> Tensor:
        return cross_entropy(z, T, label_smoothing=0.1)

    traced = torch.jit.trace(loss, Z, check_trace=False)
    assert_close(traced(Z + Y), loss(Z + Y))


def test_a_divisor_of_one_element_leaves_a_scalar():
    for number in (torch.tensor([40.0]), torch.tensor([[40]])):
        options = LossOptions(divisor=number)
        for loss in (cross_entropy(Z, T, options=options), linear_cross_entropy(X, W, T, options=options)):
            assert loss.shape == ()
    assert_close(cross_entropy(Z, T, options=options), cross_entropy(Z, T))
