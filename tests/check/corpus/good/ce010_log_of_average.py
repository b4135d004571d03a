import torch
import torch.nn.functional as F


def log_mean_probability(a, b):
    return torch.log(0.5 * (F.softmax(a, dim=1) + F.softmax(b, dim=1)))
