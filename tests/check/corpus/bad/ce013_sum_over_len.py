import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader


@torch.inference_mode()
def validate(model, dataset):
    loader = DataLoader(dataset, batch_size=32, shuffle=False)
    losses = [F.cross_entropy(model(x), y).item() for x, y in loader]
    return sum(losses) / len(losses)  # expect: CE013
