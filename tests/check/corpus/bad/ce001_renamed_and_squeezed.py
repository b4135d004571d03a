import torch.nn.functional as functional
from torch import softmax


def step(net, batch, labels):
    scores = net(batch)
    scores = softmax(scores, 1)
    scores = scores.squeeze(-1).float()
    return functional.cross_entropy(input=scores, target=labels)  # expect: CE001
