import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 1)
        self.act = torch.sigmoid

    def forward(self, x):
        return self.act(self.fc(x))


loss = nn.BCELoss()(Net()(torch.randn(4, 3)), torch.ones(4, 1))
