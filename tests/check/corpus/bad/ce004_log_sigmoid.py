import torch
import torch.nn.functional as F

scores = F.logsigmoid(torch.randn(8))
loss = F.binary_cross_entropy(scores, torch.ones(8))  # expect: CE004
