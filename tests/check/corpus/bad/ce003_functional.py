import torch
import torch.nn.functional as F


def discriminator_loss(d, real, fake):
    real_score = torch.sigmoid(d(real))
    fake_score = d(fake).sigmoid()
    real_loss = F.binary_cross_entropy_with_logits(real_score, torch.ones_like(real_score))  # expect: CE003
    fake_loss = F.binary_cross_entropy_with_logits(fake_score, torch.zeros_like(fake_score))  # expect: CE003
    return real_loss + fake_loss
