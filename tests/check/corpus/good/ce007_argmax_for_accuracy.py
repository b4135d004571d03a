import torch
from torch import nn

model = nn.Linear(8, 3)
y = torch.randint(3, (4,))
logits = model(torch.randn(4, 8))
loss = nn.CrossEntropyLoss()(logits, y)
loss.backward()
correct = (logits.argmax(dim=1) == y).sum().item()
