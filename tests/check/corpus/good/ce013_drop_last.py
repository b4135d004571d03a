import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.no_grad()
def validate(model, dataset):
    loader = DataLoader(dataset, batch_size=32, drop_last=True)
    total = 0.0
    for x, y in loader:
        total += F.cross_entropy(model(x), y).item()
    return total / len(loader)
