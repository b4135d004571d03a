from torch import nn

criterion = nn.CrossEntropyLoss(label_smoothing=0.1)


def train(model, loader, optimizer):
    for x, y in loader:
        loss = criterion(model(x), y)
        loss.backward()
        optimizer.step()
        print(loss.item())
