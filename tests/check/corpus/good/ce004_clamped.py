import torch
import torch.nn.functional as F
from torch import nn

net = nn.Linear(30, 4)
p = net(torch.randn(8, 30)).clamp(0.001, 0.999)
loss = F.binary_cross_entropy(p, torch.rand(8, 4))
