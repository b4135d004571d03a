import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset


def evaluate(model, loader, criterion):
    model.eval()
    total = 0
    with torch.no_grad():
        for x, y in loader:
            loss = criterion(model(x), y)
            total += loss.item()
    return total / len(loader)  # expect: CE013


data = TensorDataset(torch.randn(103, 4), torch.randint(3, (103,)))
print(evaluate(nn.Linear(4, 3), DataLoader(data, batch_size=10), nn.CrossEntropyLoss()))
