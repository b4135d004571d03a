import torch
import torch.nn.functional as F
from torch import nn

mask_head = nn.Conv2d(16, 1, kernel_size=1)


def mask_loss(features, mask):
    return F.binary_cross_entropy(mask_head(features), mask)  # expect: CE004


mask_loss(torch.randn(2, 16, 8, 8), torch.zeros(2, 1, 8, 8))
