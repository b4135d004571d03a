"""A module is looked at before it is trained: its shape, and whether a softmax stands behind its logits."""

import pytest
import torch
from torch import nn

from crossentropy.errors import ConfigError, ShapeError
from crossentropy.network import NetworkClassifier, check_module

from .problems import network, same_bits, weights_of

X = torch.randn(50, 5, generator=torch.Generator().manual_seed(0))


class Behind(nn.Module):
    """Applies a function to the logits of a network, outside of any layer."""

    def __init__(self, function):
        super().__init__()
        self.body = network()
        self.function = function

    def forward(self, x):
        return self.function(self.body(x))


def log_softmax(z):
    return z.log_softmax(1)


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (
            nn.Sequential(network(), nn.Softmax(1)),
            r"ends in a softmax: its layer '1' \(Softmax\).* 0\.5514 nats",
        ),
        (nn.Sequential(network(), nn.Sigmoid()), r"ends in a sigmoid: its layer '1' \(Sigmoid\)"),
        (nn.Sequential(network(), nn.LogSoftmax(1)), r"ends in a log-softmax: its layer '1' \(LogSoftmax\)"),
        (
            Behind(lambda z: z.softmax(1)),
            r"ends in a softmax: its forward applies it behind the layer 'body\.3'",
        ),
        (Behind(torch.sigmoid), r"ends in a sigmoid: its forward applies it behind the layer 'body\.3'"),
        (Behind(log_softmax), "ends in a log-softmax: its forward"),
    ],
)
def test_probabilities_are_refused_and_the_layer_named(module, said):
    with pytest.raises(ConfigError, match=said):
        check_module(module, (X,), 3)


def always_within(module):
    """Make the logits lie in [0, 1] for every row, as they may by chance."""
    with torch.no_grad():
        module[3].weight.mul_(1e-3)
        module[3].bias.copy_(torch.tensor([0.2, 0.3, 0.5]))
    return module


@pytest.mark.parametrize(
    "module",
    [
        network(),
        always_within(network()),
        nn.Sequential(network(), nn.Tanh()),
        Behind(lambda z: z.clamp(-5, 5)),
        nn.Sequential(network(), nn.LayerNorm(3)),
    ],
    ids=["plain", "within", "tanh", "clamp", "layer norm"],
)
def test_logits_are_let_through_and_the_module_is_as_it_was(module):
    before = weights_of(module)
    output = always_within(network())(X)
    assert bool(((output > 0) & (output < 1)).all())
    module.train()
    check_module(module, (X,), 3)
    assert same_bits(before, weights_of(module))
    assert module.training


@pytest.mark.parametrize(
    ("module", "said"),
    [
        (network(classes=4), r"returns \(50, 4\) for 50 rows and 3 classes"),
        (nn.Linear(5, 1), r"returns \(50, 1\)"),
        (nn.Sequential(network(), nn.Flatten(0)), r"returns \(150,\)"),
        (Behind(lambda z: z.argmax(1)), "returns torch.int64"),
        (Behind(lambda z: [z]), "returns list"),
    ],
)
def test_another_shape_is_refused(module, said):
    with pytest.raises(ShapeError, match=said):
        check_module(module, (X,), 3)


def test_the_classifier_looks_before_it_trains():
    y = torch.arange(50) % 3
    with pytest.raises(ConfigError, match="Softmax"):
        NetworkClassifier(nn.Sequential(network(), nn.Softmax(1))).fit(X.numpy(), y.numpy())
    with pytest.raises(ShapeError, match="2 classes"):
        NetworkClassifier(network()).fit(X.numpy(), y.numpy() > 0)
