import torch
import torch.nn.functional as F


def straight_through(model, x, y):
    p = torch.sigmoid(model(x))
    hard = p + ((p > 0.5).float() - p).detach()
    return F.binary_cross_entropy(hard, y)
