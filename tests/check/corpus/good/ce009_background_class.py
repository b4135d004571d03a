import torch
from torch import nn

net = nn.Linear(10, 6)
y = torch.randint(1, 6, (32,))
loss = nn.CrossEntropyLoss()(net(torch.randn(32, 10)), y)
