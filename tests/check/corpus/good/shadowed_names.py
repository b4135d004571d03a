import torch


class CrossEntropyLoss:
    """Takes probabilities."""

    def __call__(self, p, y):
        return -(p.clamp(min=1e-9)[range(len(y)), y]).mean()


def softmax(x):
    return torch.tanh(x)


loss = CrossEntropyLoss()(softmax(torch.randn(4, 3)), [0, 1, 2, 0])
