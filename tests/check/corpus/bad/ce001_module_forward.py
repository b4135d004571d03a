import torch.nn as nn
import torch.nn.functional as F


class Net(nn.Module):
    def __init__(self, classes=10):
        super().__init__()
        self.hidden = nn.Linear(784, 128)
        self.out = nn.Linear(128, classes)

    def forward(self, x):
        x = F.relu(self.hidden(x.flatten(1)))
        return F.softmax(self.out(x), dim=1)


def train(model, loader, optimizer):
    criterion = nn.CrossEntropyLoss()
    for x, y in loader:
        optimizer.zero_grad()
        loss = criterion(model(x), y)  # expect: CE001
        loss.backward()
        optimizer.step()


if __name__ == "__main__":
    train(Net(), [], None)
