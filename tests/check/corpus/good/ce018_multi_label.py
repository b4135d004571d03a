import torch
from torch import nn

model = nn.Linear(16, 5)
tags = torch.randint(0, 2, (4, 5)).float()
loss = nn.BCEWithLogitsLoss()(model(torch.randn(4, 16)), tags)
