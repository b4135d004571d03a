import torch.nn.functional as F


def gap(model, x, y, x_valid, y_valid):
    train_loss = F.cross_entropy(model(x), y, label_smoothing=0.1)
    valid_loss = F.cross_entropy(model(x_valid), y_valid)
    return valid_loss - train_loss  # expect: CE015
