import torch
from torch import nn

criterion = nn.CrossEntropyLoss(label_smoothing=0.1)


def train(model, loader, optimizer):
    model.train()
    for x, y in loader:
        loss = criterion(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()


def evaluate(model, loader):
    model.eval()
    with torch.no_grad():
        for x, y in loader:
            print(criterion(model(x), y).item())  # expect: CE015
