import torch
from torch import nn

model = nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3), nn.LogSoftmax(dim=1))
criterion = nn.CrossEntropyLoss()
loss = criterion(model(torch.randn(5, 4)), torch.randint(3, (5,)))  # expect: CE002
