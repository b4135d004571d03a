import torch.nn.functional as F


def soft_loss(logits, target):
    p = F.softmax(logits, dim=1)
    return -(target * (p + 1e-8).log()).sum(dim=1).mean()  # expect: CE010
