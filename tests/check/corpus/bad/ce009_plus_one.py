from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets

loader = DataLoader(datasets.MNIST("data", train=True), batch_size=64, shuffle=True)
model = nn.Sequential(nn.Flatten(), nn.Linear(784, 10))
criterion = nn.CrossEntropyLoss()
for x, y in loader:
    loss = criterion(model(x), y + 1)  # expect: CE009
    loss.backward()
