import torch
from torch import nn


class Trainer:
    def __init__(self, model):
        self.model = model
        self.loss = nn.CrossEntropyLoss(label_smoothing=0.2)

    def fit(self, x, y):
        loss = self.loss(self.model(x), y)
        loss.backward()

    @torch.no_grad()
    def test(self, x, y):
        return self.loss(self.model(x), y).item()  # expect: CE015
