import torch
from torch import nn


def step(model, x, tags):
    logits = model(x)
    loss = nn.functional.cross_entropy(logits, tags)  # expect: CE017
    found = torch.sigmoid(logits) > 0.5
    return loss, found
