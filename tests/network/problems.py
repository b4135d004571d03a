"""Small data and modules that several tests share."""

import torch
from torch import nn

from crossentropy.network import Rows


def rows(n=97, features=5, classes=3, weighted=True, seed=0):
    """Random rows of a problem that can be learned; an odd number of them, so that last batches are ragged."""
    g = torch.Generator().manual_seed(seed)
    x = torch.randn(n, features, generator=g)
    logits = x @ torch.randn(features, classes, generator=g) * 2
    targets = (logits - torch.empty(n, classes).exponential_(generator=g).log()).argmax(1)
    weights = torch.rand(n, generator=g) + 0.1 if weighted else None
    return Rows((x,), targets, weights)


def network(features=5, classes=3, width=16, dropout=0.0, seed=0):
    """A small network, always the same."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return nn.Sequential(
            nn.Linear(features, width), nn.ReLU(), nn.Dropout(dropout), nn.Linear(width, classes)
        )


def weights_of(module):
    return {name: value.clone() for name, value in module.state_dict().items()}


def same_bits(a, b):
    return a.keys() == b.keys() and all(torch.equal(a[name], b[name]) for name in a)
