import torch
import torch.nn.functional as F

logits = torch.randn(16, 3).unsqueeze(2)
y = torch.randint(0, 3, (16,)).unsqueeze(1)
loss = F.cross_entropy(logits, y)
