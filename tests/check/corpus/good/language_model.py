import torch
from torch import nn


class Model(nn.Module):
    def __init__(self, vocabulary=100, width=32):
        super().__init__()
        self.embed = nn.Embedding(vocabulary, width)
        self.head = nn.Linear(width, vocabulary)

    def forward(self, ids):
        return self.head(self.embed(ids))


model = Model()
ids = torch.randint(100, (2, 9))
logits = model(ids[:, :-1])
loss = nn.functional.cross_entropy(logits.reshape(-1, 100), ids[:, 1:].reshape(-1))
