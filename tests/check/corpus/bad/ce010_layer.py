import torch
from torch import nn

softmax = nn.Softmax(dim=1)
net = nn.Linear(4, 3)
log_p = torch.log(softmax(net(torch.randn(2, 4))))  # expect: CE010
loss = nn.NLLLoss()(log_p, torch.tensor([0, 1]))
