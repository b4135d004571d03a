import functools

import torch
import torch.nn.functional as F

loss_fn = functools.partial(F.binary_cross_entropy_with_logits, reduction="sum")
p = torch.sigmoid(torch.randn(9))
loss = loss_fn(p, torch.ones(9))  # expect: CE003
