import torch
from torch import nn

model = nn.Linear(3, 2)
y = torch.randint(2, (5,))
out = model(torch.randn(5, 3))
loss = nn.CrossEntropyLoss()(y, out)  # expect: CE020
