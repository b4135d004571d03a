import torch
from torch import nn

model = nn.Sequential(nn.Linear(10, 3), nn.Sigmoid())
loss_fn = nn.CrossEntropyLoss()
loss = loss_fn(model(torch.randn(4, 10)), torch.tensor([0, 1, 2, 0]))  # expect: CE001
