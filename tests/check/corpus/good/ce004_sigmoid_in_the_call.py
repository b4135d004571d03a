import torch
import torch.nn as nn

net = nn.Linear(30, 1)
loss = nn.BCELoss()(torch.sigmoid(net(torch.randn(64, 30))), torch.ones(64, 1))
