import torch
from torch import nn

weighted = nn.CrossEntropyLoss(weight=torch.tensor([0.1, 0.9]))
plain = nn.CrossEntropyLoss()


def overfits(model, train, valid):
    train_loss = weighted(model(train[0]), train[1]).item()
    valid_loss = plain(model(valid[0]), valid[1]).item()
    return valid_loss > train_loss  # expect: CE014
