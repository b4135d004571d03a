import torch
from torch import nn

model = nn.Linear(20, 10)
criterion = nn.CrossEntropyLoss()
logits = model(torch.randn(8, 20))
probabilities = torch.softmax(logits, dim=1)
print(probabilities.max(dim=1).values)
loss = criterion(logits, torch.randint(10, (8,)))
