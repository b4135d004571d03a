import torch
import torch.nn.functional as F

y = torch.FloatTensor([3, 0, 2, 1])
loss = F.nll_loss(torch.randn(4, 5).log_softmax(dim=1), y)  # expect: CE008
