import torch
import torch.nn.functional as F


def gap(model, train_loader, valid_loader):
    weight = torch.tensor([1.0, 3.0, 2.0])
    train_total, valid_total = 0.0, 0.0
    for x, y in train_loader:
        train_total += F.cross_entropy(model(x), y, weight).item()
    for x, y in valid_loader:
        valid_total += F.cross_entropy(model(x), y).item()
    return valid_total / len(valid_loader) - train_total / len(train_loader)  # expect: CE014
