"""The classic mistake: probabilities where logits belong."""

import torch

from crossentropy.losses import CrossEntropyLoss  # called as torch's

# [batch, classes] logits, [batch] class ids from 0
logits = torch.tensor([[2.0, 0.5, -1.0], [0.0, 6.0, 1.0]])
logits.requires_grad_()
target = torch.tensor([0, 2])

loss = CrossEntropyLoss()(logits.softmax(dim=1), target)  # wrong
loss.backward()
print(f"loss {loss:.4f}")
print("gradient", logits.grad)
print("right", (logits.argmax(dim=1) == target).tolist())
