import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(1, 8, 3)
        self.fc = nn.Linear(8 * 26 * 26, 10)

    def forward(self, x):
        x = torch.relu(self.conv(x))
        return self.fc(torch.flatten(x, 1))


net = Net()
loss = nn.NLLLoss()(net(torch.randn(4, 1, 28, 28)), torch.randint(10, (4,)))  # expect: CE005
