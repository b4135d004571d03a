import torch
from torch import nn

model = nn.Linear(8, 3)
criterion = nn.CrossEntropyLoss()
logits = model(torch.randn(4, 8)).detach()
loss = criterion(logits, torch.randint(3, (4,)))  # expect: CE007
loss.requires_grad = True
loss.backward()
