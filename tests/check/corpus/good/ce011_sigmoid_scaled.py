import torch


def log_scale(raw):
    scale = 2.0 * torch.sigmoid(raw) + 0.5
    return torch.log(scale)
