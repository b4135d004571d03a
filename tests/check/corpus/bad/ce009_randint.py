import torch
from torch import nn

classes = 5
net = nn.Linear(10, classes)
y = torch.randint(1, classes + 1, (32,))
loss = nn.CrossEntropyLoss()(net(torch.randn(32, 10)), y)  # expect: CE009
