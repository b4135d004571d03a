import torch
from torch import nn


class Binary(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(12, 8)
        self.fc2 = nn.Linear(8, 1)
        self.sigmoid = nn.Sigmoid()

    def forward(self, x):
        return self.sigmoid(self.fc2(torch.relu(self.fc1(x)))).squeeze(1)


model = Binary()
criterion = nn.BCEWithLogitsLoss()
for _ in range(10):
    loss = criterion(model(torch.randn(16, 12)), torch.ones(16))  # expect: CE003
    loss.backward()
