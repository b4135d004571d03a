import torch.nn.functional as F


def nll(logits, y):
    return -F.log_softmax(logits, dim=-1).gather(1, y.unsqueeze(1)).mean()
