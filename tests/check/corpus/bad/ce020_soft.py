import torch
import torch.nn.functional as F
from torch import nn

model = nn.Linear(3, 4)
y = F.one_hot(torch.randint(4, (5,)), 4).float()
loss = F.cross_entropy(y, model(torch.randn(5, 3)))  # expect: CE020
