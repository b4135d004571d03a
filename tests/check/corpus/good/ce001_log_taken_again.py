import torch
import torch.nn.functional as F

probabilities = torch.rand(8, 10)
probabilities = probabilities / probabilities.sum(dim=1, keepdim=True)
loss = F.cross_entropy(probabilities.log(), torch.randint(10, (8,)))
