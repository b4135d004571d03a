import torch
from torch import nn

model = nn.Linear(4, 3)
y = torch.tensor([0, 2, 1]).float()
loss = nn.CrossEntropyLoss()(model(torch.randn(3, 4)), y)  # expect: CE008
