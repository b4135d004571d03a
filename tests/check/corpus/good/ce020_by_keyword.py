import torch
import torch.nn.functional as F
from torch import nn

model = nn.Linear(3, 2)
y = torch.randint(2, (5,))
loss = F.cross_entropy(target=y, input=model(torch.randn(5, 3)))
