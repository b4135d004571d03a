import torch
from torch import nn
from torch.nn import functional as F


class Model(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc = nn.Linear(3, 2)

    def forward(self, x):
        return self.fc(x)

    def predict(self, x):
        return F.softmax(self(x), dim=1)


model, loss_fn = Model(), nn.CrossEntropyLoss()
x, y = torch.randn(4, 3), torch.randint(2, (4,))
loss = loss_fn(model(x), y)
accuracy = (model.predict(x).argmax(1) == y).float().mean()
