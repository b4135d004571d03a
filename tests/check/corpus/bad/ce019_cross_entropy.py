import torch
from torch import nn

model = nn.Sequential(nn.Linear(100, 8), nn.ReLU(), nn.Linear(8, 1))
loss = nn.CrossEntropyLoss()(model(torch.randn(4, 100)), torch.zeros(4, dtype=torch.long))  # expect: CE019
