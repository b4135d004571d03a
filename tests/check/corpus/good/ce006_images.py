import torch
import torch.nn.functional as F
from torch import nn

net = nn.Conv2d(3, 21, 1)
log_p = F.log_softmax(net(torch.randn(2, 3, 8, 8)), dim=1)
loss = F.nll_loss(log_p, torch.randint(21, (2, 8, 8)))
