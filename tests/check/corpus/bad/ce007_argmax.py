import torch
from torch import nn

model = nn.Linear(8, 3)
prediction = model(torch.randn(4, 8)).argmax(dim=1)
loss = nn.functional.cross_entropy(prediction.float(), torch.rand(4))  # expect: CE007
loss.requires_grad_(True)
