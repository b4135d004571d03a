import torch
from torch import nn


def step(body, kind_head, tag_head, x, kind, tags):
    features = body(x)
    loss = nn.functional.cross_entropy(kind_head(features), kind)
    tag_logits = tag_head(features)
    loss = loss + nn.functional.binary_cross_entropy_with_logits(tag_logits, tags)
    return loss, torch.sigmoid(tag_logits) > 0.5
