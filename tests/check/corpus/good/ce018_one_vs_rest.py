import torch
import torch.nn.functional as F
from torch import nn

model = nn.Linear(16, 5)
y = F.one_hot(torch.randint(5, (4,)), 5).float()
logits = model(torch.randn(4, 16))
loss = nn.BCEWithLogitsLoss()(logits, y)
scores = torch.sigmoid(logits)
