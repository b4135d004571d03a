import torch
from torch import nn

criterion = nn.CrossEntropyLoss(weight=torch.tensor([0.1, 0.9]))


def overfits(model, train, valid):
    train_loss = criterion(model(train[0]), train[1]).item()
    valid_loss = criterion(model(valid[0]), valid[1]).item()
    return valid_loss > train_loss
