from dataclasses import dataclass

import torch
from torch import nn


@dataclass
class Output:
    logits: torch.Tensor
    probabilities: torch.Tensor


def forward(layer, x):
    logits = layer(x)
    return Output(logits, torch.softmax(logits, dim=1))


out = forward(nn.Linear(3, 2), torch.randn(4, 3))
loss = nn.CrossEntropyLoss()(out.logits, torch.tensor([0, 1, 0, 1]))
