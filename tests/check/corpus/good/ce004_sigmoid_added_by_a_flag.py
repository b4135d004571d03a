import sys

import torch
from torch import nn


class Critic(nn.Module):
    def __init__(self, wasserstein=False):
        super().__init__()
        self.model = nn.Sequential(nn.Linear(20, 16), nn.Linear(16, 1))
        if not wasserstein:
            self.model = nn.Sequential(self.model, nn.Sigmoid())

    def forward(self, x):
        return self.model(x)


wasserstein = "--wasserstein" in sys.argv
score = Critic(wasserstein)(torch.randn(8, 20))
loss = score.mean() if wasserstein else nn.BCELoss()(score, torch.ones(8, 1))
