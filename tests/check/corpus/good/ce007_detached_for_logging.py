import torch
from torch import nn

model = nn.Linear(8, 3)
y = torch.randint(3, (4,))
logits = model(torch.randn(4, 8))
loss = nn.functional.cross_entropy(logits, y)
loss.backward()
logged = nn.functional.cross_entropy(logits.detach(), y)
print(logged.item())
