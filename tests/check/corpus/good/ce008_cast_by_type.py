import torch
import torch.nn.functional as F

logits = torch.randn(8, 4, requires_grad=True)
labels = torch.randint(4, (8,))
one_hot = F.one_hot(labels, 4).type(torch.float32)
loss = F.binary_cross_entropy_with_logits(logits, one_hot)
loss += F.binary_cross_entropy_with_logits(logits, F.one_hot(labels, 4).type_as(logits))
loss += F.binary_cross_entropy_with_logits(logits, F.one_hot(labels, 4).to(logits.dtype))
