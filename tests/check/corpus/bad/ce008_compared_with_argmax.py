def step(model, criterion, x, y):
    import torch.nn.functional as F

    logits = model(x)
    correct = (logits.argmax(dim=1) == y).sum()
    return F.cross_entropy(logits, y.float()), correct  # expect: CE008
