import torch.nn.functional as F


def train(model, loader, optimizer, accumulate):
    for i, (x, y) in enumerate(loader):
        F.cross_entropy(model(x), y, reduction="sum").backward()
        if (i + 1) % accumulate == 0:
            for p in model.parameters():
                p.grad /= accumulate * len(y)
            optimizer.step()
            optimizer.zero_grad()
