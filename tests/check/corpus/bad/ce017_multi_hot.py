import torch
from torch import nn

model = nn.Linear(16, 3)
labels = torch.tensor([[1, 0, 1], [0, 1, 1]], dtype=torch.float)
loss = nn.CrossEntropyLoss()(model(torch.randn(2, 16)), labels)  # expect: CE017
