import torch
import torch.nn.functional as F
from torch import nn

head = nn.Linear(16, 9)
log_p = F.log_softmax(head(torch.randn(2, 7, 16)), dim=-1)
loss = F.nll_loss(log_p.transpose(1, 2), torch.randint(9, (2, 7)))
