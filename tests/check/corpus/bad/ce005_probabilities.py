import torch.nn.functional as F


def step(model, data, target):
    output = F.softmax(model(data), dim=1)
    return F.nll_loss(output, target)  # expect: CE005
