from itertools import pairwise

import torch
from torch import nn


def build(sizes, classes):
    layers = []
    for before, after in pairwise(sizes):
        layers.append(nn.Linear(before, after))
        layers.append(nn.ReLU())
    layers.append(nn.Linear(sizes[-1], classes))
    layers.append(nn.Softmax(dim=-1))
    return nn.Sequential(*layers)


model = build([20, 64, 64], 10)
outputs = model(torch.randn(8, 20))
loss = nn.functional.cross_entropy(outputs, torch.randint(10, (8,)))  # expect: CE001
