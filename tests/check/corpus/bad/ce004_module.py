import torch
import torch.nn as nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(30, 16), nn.ReLU(), nn.Dropout(0.2), nn.Linear(16, 1))

    def forward(self, x):
        return self.layers(x)


net = Net()
criterion = nn.BCELoss()
output = net(torch.randn(64, 30))
loss = criterion(output, torch.ones(64, 1))  # expect: CE004
