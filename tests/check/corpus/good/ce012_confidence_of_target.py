import torch.nn.functional as F


def confidence(logits, y):
    p = F.softmax(logits, dim=-1)
    return p.gather(1, y.unsqueeze(1)).mean()
