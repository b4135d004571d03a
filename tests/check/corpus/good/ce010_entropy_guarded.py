import torch.nn.functional as F


def entropies(logits, scores):
    p = F.softmax(logits, dim=1)
    certain = -(p * (p + 1e-8).log()).sum(dim=1)
    log_p = p.clamp(min=1e-6).log()
    same = (-p * log_p).sum(dim=1)
    q = scores.sigmoid()
    return certain, same, -(q * (q + 1e-7).log() + (1 - q) * (1 - q + 1e-7).log())
