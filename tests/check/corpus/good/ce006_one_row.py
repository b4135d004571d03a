import torch
import torch.nn.functional as F

logits = torch.randn(5)
p = F.softmax(logits, dim=0)
predicted = p.argmax()
loss = F.nll_loss(p.log_softmax(dim=0), torch.tensor(2))
