import torch
from torch import nn

net = nn.Sequential(nn.Linear(5, 3), nn.Sigmoid())
loss_fn = nn.BCEWithLogitsLoss(pos_weight=torch.tensor([1.0, 2.0, 3.0]))
loss = loss_fn(net(torch.randn(7, 5)), torch.rand(7, 3))  # expect: CE003
