import torch
from torch import nn

model = nn.Linear(4, 1)
y = torch.randint(0, 2, (16,)).float()
loss = nn.BCEWithLogitsLoss()(model(torch.randn(16, 4)).squeeze(1), y)
