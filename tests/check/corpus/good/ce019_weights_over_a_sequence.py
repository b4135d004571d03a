import torch
from torch import nn

score = nn.Linear(32, 1)
x = torch.randn(4, 7, 32)
weights = torch.softmax(score(x), dim=1)
pooled = (weights * x).sum(dim=1)
