import torch
import torch.nn.functional as F


def loss_of(model, x, target):
    ids = torch.argmax(model(x), dim=1)
    return F.binary_cross_entropy(F.one_hot(ids, 10).float(), target)  # expect: CE007
