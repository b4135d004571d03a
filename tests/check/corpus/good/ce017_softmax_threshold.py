import torch
from torch import nn


def step(model, x, y):
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, y)
    sure = torch.softmax(logits, dim=1).max(dim=1).values > 0.9
    return loss, sure
