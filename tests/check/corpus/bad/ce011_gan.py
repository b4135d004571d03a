import torch
from torch import nn


class Discriminator(nn.Module):
    def __init__(self):
        super().__init__()
        self.net = nn.Sequential(nn.Linear(64, 1), nn.Sigmoid())

    def forward(self, x):
        return self.net(x)


d = Discriminator()
g_loss = torch.log(1 - d(torch.randn(8, 64))).mean()  # expect: CE011
