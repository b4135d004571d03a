import torch
import torch.nn.functional as F


def unlabelled_loss(model, weak, strong):
    with torch.no_grad():
        labels = model(weak).argmax(dim=1)
    loss = F.cross_entropy(model(strong), labels)
    loss.backward()
