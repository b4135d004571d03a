import torch
import torch.nn.functional as F

logits = torch.randn(8, 5)
y = F.one_hot(torch.randint(5, (8,)), num_classes=5)
loss = F.cross_entropy(logits, y)  # expect: CE008
