import torch
from torch import nn

model = nn.Sequential(nn.Linear(12, 1), nn.Sigmoid())
loss = nn.BCELoss()(model(torch.randn(16, 12)), torch.ones(16, 1))
