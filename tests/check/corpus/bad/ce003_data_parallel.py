import torch
from torch import nn

model = nn.DataParallel(nn.Sequential(nn.Linear(20, 1), nn.Sigmoid()))
loss = nn.BCEWithLogitsLoss()(model(torch.randn(8, 20)), torch.ones(8, 1))  # expect: CE003
