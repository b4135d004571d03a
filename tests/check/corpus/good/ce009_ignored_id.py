import torch
from torch import nn

net = nn.Linear(10, 3)
y = torch.tensor([0, 1, 255, 2])
loss = nn.CrossEntropyLoss(ignore_index=255)(net(torch.randn(4, 10)), y)
