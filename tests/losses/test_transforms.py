"""The losses under torch.func, torch.compile, meta and fake tensors: what works in torch works here."""

from __future__ import annotations

import pytest
import torch
from torch._subclasses.fake_tensor import FakeTensorMode
from torch.func import functional_call, grad, hessian, jvp, vmap
from torch.testing import assert_close

from crossentropy import losses
from crossentropy.errors import ClassIdError, ShapeError
from tests.losses.loss_list import CROSS_ENTROPY, LOGIT_LOSSES, LOSSES, Loss, Shape

every_loss = pytest.mark.parametrize("loss", LOSSES, ids=str)


@every_loss
def test_vmap_is_a_loop(loss: Loss):
    input, target = loss.make(Shape(rows=6))
    weight = loss.make_weight(Shape())
    weight = weight if weight.ndim == 1 else weight[0]

    def value(z, t):
        return loss(z, t, weight=weight, reduction="sum")

    looped = torch.stack([value(z, t) for z, t in zip(input, target, strict=True)])
    assert_close(vmap(value)(input, target), looped)


@every_loss
def test_gradients_of_each_row_by_func(loss: Loss):
    input, target = loss.make(Shape(rows=4))
    slopes = vmap(grad(lambda z, t: loss(z, t, reduction="sum")))(input, target)
    assert_close(slopes, grad(lambda z: loss(z, target, reduction="sum"))(input))


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("loss", LOGIT_LOSSES, ids=str)
def test_hessian_and_forward_mode_by_func(loss: Loss):
    input, target = loss.make(Shape(rows=2))

    def value(z):
        return loss(z, target)

    curvature = hessian(value)(input)
    assert_close(curvature, hessian(lambda z: loss.by_torch(z, target))(input))
    direction = torch.ones_like(input)
    assert_close(jvp(value, (input,), (direction,))[1], (grad(value)(input) * direction).sum())


@every_loss
def test_compile_gives_one_graph_and_the_same_loss(loss: Loss):
    input, target = loss.make(Shape())
    compiled = torch.compile(lambda z, t: loss(z, t), backend="eager", fullgraph=True)
    assert_close(compiled(input, target), loss(input, target))


@every_loss
def test_meta_and_fake_tensors_pass_through(loss: Loss):
    input, target = loss.make(Shape())
    fixed = {k: v for k, v in loss.fixed.items() if not isinstance(v, torch.Tensor)}
    assert loss.function(input.to("meta"), target.to("meta"), **fixed).is_meta
    expected = loss(input, target, reduction="none").shape
    with FakeTensorMode() as mode:
        fakes = mode.from_tensor(input), mode.from_tensor(target)
        assert loss.function(*fakes, reduction="none", **fixed).shape == expected


def test_shapes_are_checked_where_values_cannot_be_read():
    input, target = CROSS_ENTROPY.make(Shape())
    with pytest.raises(ShapeError, match="squeeze"):
        losses.cross_entropy(input.to("meta"), target.to("meta")[:, None])
    with pytest.raises(ClassIdError, match="row 4"):
        losses.cross_entropy(input, target + torch.tensor([0, 0, 0, 0, 3]))


@every_loss
def test_the_loss_need_not_be_the_last_step(loss: Loss):
    input, target = loss.make(Shape())
    input.requires_grad_()
    (ours,) = torch.autograd.grad(loss((input * 1.0).clone(), target, reduction="none").square().sum(), input)
    each = loss.by_torch(input, target, reduction="none")
    (expected,) = torch.autograd.grad(each.square().sum(), input)
    assert_close(ours, expected)


def test_a_module_works_under_functional_call():
    weight = torch.tensor([1.0, 2.0, 3.0])
    module = losses.CrossEntropyLoss(weight)
    input, target = CROSS_ENTROPY.make(Shape(), torch.float32)
    doubled = functional_call(module, {"weight": 2 * weight}, (input, target))
    assert_close(doubled, module(input, target))
