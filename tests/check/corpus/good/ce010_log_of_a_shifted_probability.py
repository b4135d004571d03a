import torch
import torch.nn.functional as F

p = F.softmax(torch.randn(8, 5), dim=1)
damped = torch.log(1 + p)
bounded = torch.log(p + 0.5)
kept = torch.log(p.clamp(min=0.1))
