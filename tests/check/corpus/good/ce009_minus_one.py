import torch
from torch import nn

net = nn.Linear(10, 5)
y = torch.randint(1, 6, (32,)) - 1
loss = nn.CrossEntropyLoss()(net(torch.randn(32, 10)), y)
