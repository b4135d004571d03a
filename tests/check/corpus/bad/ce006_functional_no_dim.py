import torch.nn.functional as F


def forward(logits):
    return F.log_softmax(logits)  # expect: CE006
