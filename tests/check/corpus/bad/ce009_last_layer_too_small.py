from torch import nn
from torch.utils.data import DataLoader
from torchvision import datasets

net = nn.Sequential(nn.Flatten(), nn.Linear(3072, 10))
for images, labels in DataLoader(datasets.CIFAR100("data"), batch_size=128):
    loss = nn.functional.cross_entropy(net(images), labels)  # expect: CE009
