import torch
import torch.nn.functional as F
from torch import nn

net = nn.Linear(30, 4)
score = net(torch.randn(8, 30))
p = (score - score.min()) / (score.max() - score.min())
loss = F.binary_cross_entropy(p, torch.rand(8, 4))
