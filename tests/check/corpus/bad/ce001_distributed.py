import torch.nn.functional as F
from torch import nn
from torch.nn.parallel import DistributedDataParallel as DDP


class Trainer:
    def __init__(self, rank):
        self.model = DDP(nn.Sequential(nn.Linear(20, 5), nn.Softmax(dim=1)), device_ids=[rank])

    def step(self, x, y):
        return F.cross_entropy(self.model(x), y)  # expect: CE001
