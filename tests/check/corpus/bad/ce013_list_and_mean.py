import numpy as np
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def validate(model, dataset):
    losses = []
    loader = DataLoader(dataset, batch_size=32)
    for x, y in loader:
        losses.append(F.cross_entropy(model(x), y).item())
    return np.mean(losses)  # expect: CE013
