import torch
from torch import nn
from torch.utils.data import DataLoader, TensorDataset

data = TensorDataset(torch.randn(64, 4), torch.randint(3, (64,)))
net = nn.Sequential(nn.Linear(4, 3), nn.LogSoftmax(dim=0))
loss_fn = nn.NLLLoss()
for x, y in DataLoader(data, batch_size=8):
    loss = loss_fn(net(x), y)  # expect: CE006
