import torch


def logit(p):
    return torch.log(p) - torch.log(1 - p)
