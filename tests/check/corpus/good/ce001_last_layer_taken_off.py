import torch
from torch import nn

classifier = nn.Sequential(nn.Linear(20, 10), nn.Softmax(dim=1))
loss = nn.CrossEntropyLoss()(classifier[:-1](torch.randn(8, 20)), torch.randint(10, (8,)))
