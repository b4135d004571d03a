import torch
import torch.nn.functional as F

logits = torch.randn(4, 4)
loss = F.cross_entropy(logits, torch.tensor([1, 2, 3, 4]))  # expect: CE009
