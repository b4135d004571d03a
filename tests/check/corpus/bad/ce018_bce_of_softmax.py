import torch
import torch.nn.functional as F
from torch import nn

model = nn.Sequential(nn.Linear(16, 5), nn.Softmax(dim=1))
y = F.one_hot(torch.randint(5, (4,)), 5).float()
loss = nn.BCELoss()(model(torch.randn(4, 16)), y)  # expect: CE018
