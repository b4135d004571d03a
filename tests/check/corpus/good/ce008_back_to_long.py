import torch
from torch import nn

model = nn.Linear(4, 3)
y = torch.tensor([0.0, 2.0, 1.0])
loss = nn.CrossEntropyLoss()(model(torch.randn(3, 4)), y.long())
