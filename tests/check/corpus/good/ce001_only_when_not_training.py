import torch.nn.functional as F
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(32, 7)
        self.criterion = nn.CrossEntropyLoss()

    def forward(self, x):
        x = self.fc(x)
        if not self.training:
            x = F.softmax(x, dim=1)
        return x

    def step(self, x, y):
        return self.criterion(self(x), y)
