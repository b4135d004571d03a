import torch
from torch import nn

model = nn.Linear(12, 1)
criterion = nn.BCEWithLogitsLoss()
y = torch.ones(16, 1)
logits = model(torch.randn(16, 12))
loss = criterion(logits, y)
accuracy = ((torch.sigmoid(logits) > 0.5).float() == y).float().mean()
