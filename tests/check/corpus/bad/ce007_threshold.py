import torch
import torch.nn.functional as F


def loss_of(model, x, y):
    p = torch.sigmoid(model(x))
    decided = (p > 0.5).float()
    return F.binary_cross_entropy(decided, y)  # expect: CE007
