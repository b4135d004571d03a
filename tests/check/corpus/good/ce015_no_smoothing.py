import torch
from torch import nn

criterion = nn.CrossEntropyLoss(label_smoothing=0.0)


def run(model, x, y):
    criterion(model(x), y).backward()
    with torch.no_grad():
        return criterion(model(x), y).item()
