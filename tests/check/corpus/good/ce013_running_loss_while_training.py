import torch.nn.functional as F
from torch.utils.data import DataLoader


def epoch(model, dataset, optimizer):
    loader = DataLoader(dataset, batch_size=32)
    total = 0.0
    for x, y in loader:
        loss = F.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item()
    return total / len(loader)
