import torch
from torch import nn

score = nn.Linear(32, 1)
x = torch.randn(4, 7, 32)
loss = nn.CrossEntropyLoss()(score(x).squeeze(-1), torch.randint(7, (4,)))
