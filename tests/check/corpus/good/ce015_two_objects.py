import torch
from torch import nn

criterion = nn.CrossEntropyLoss(label_smoothing=0.1)
plain = nn.CrossEntropyLoss()


def train(model, x, y):
    criterion(model(x), y).backward()


@torch.no_grad()
def evaluate(model, x, y):
    return plain(model(x), y).item()
