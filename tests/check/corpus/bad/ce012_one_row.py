import torch

logits = torch.randn(5, requires_grad=True)
p = torch.softmax(logits, dim=0)
loss = -torch.log(p[2])  # expect: CE012
