import torch
import torch.nn.functional as F

logits = torch.randn(8, 6)
tags = torch.randint(0, 2, (8, 6)).float()
loss = F.cross_entropy(logits, tags)  # expect: CE017
