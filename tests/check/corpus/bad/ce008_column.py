import torch
import torch.nn.functional as F
from torch import nn

model = nn.Linear(4, 3)
y = torch.randint(0, 3, (16,)).unsqueeze(1)
loss = F.cross_entropy(model(torch.randn(16, 4)), y)  # expect: CE008
