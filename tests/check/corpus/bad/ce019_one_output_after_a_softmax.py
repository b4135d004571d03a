import torch.nn.functional as F
from torch import nn


class Churn(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(20, 1)

    def forward(self, x, y):
        p = F.log_softmax(self.fc(x), dim=1)
        return F.nll_loss(p, y)  # expect: CE019
