import torch


def entropy(logits):
    p = torch.softmax(logits, dim=-1)
    return -(p * torch.log(torch.softmax(logits, dim=-1))).sum(dim=-1)  # expect: CE010
