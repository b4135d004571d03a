import torch
from torch import nn

weighted = nn.CrossEntropyLoss(weight=torch.tensor([0.1, 0.9]))
plain = nn.CrossEntropyLoss()


def fit(model, train, valid):
    best = float("inf")
    for _ in range(10):
        weighted(model(train[0]), train[1]).backward()
        valid_loss = plain(model(valid[0]), valid[1]).item()
        if valid_loss < best:
            best = valid_loss
    return best
