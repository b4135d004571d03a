import torch
from torch import nn

head = nn.Conv2d(32, 21, 1)
criterion = nn.NLLLoss(ignore_index=255)
loss = criterion(head(torch.randn(1, 32, 4, 4)), torch.randint(21, (1, 4, 4)))  # expect: CE005
