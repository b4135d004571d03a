import torch.nn.functional as F


def attend(x, w):
    logits = x @ w
    return F.softmax(logits, dim=-1), logits


def loss_of(x, w, y):
    probabilities, _ = attend(x, w)
    return F.cross_entropy(probabilities, y)  # expect: CE001
