import torch.nn.functional as F


def dual_softmax(similarity, temperature):
    prior = F.softmax(similarity / temperature, dim=0)
    return similarity * prior
