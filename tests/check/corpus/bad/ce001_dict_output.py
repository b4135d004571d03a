import torch
from torch import nn


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(16, 5)

    def forward(self, x):
        logits = self.fc(x)
        return {"logits": logits, "probabilities": torch.softmax(logits, dim=1)}


net = Net()
out = net(torch.randn(2, 16))
loss = nn.CrossEntropyLoss()(out["probabilities"], torch.tensor([0, 3]))  # expect: CE001
