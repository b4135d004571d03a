import torch
from torch import nn

device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
logits = nn.Linear(20, 5).to(device)(torch.randn(8, 20, device=device))
target = torch.randint(5, (8,)).to(torch.float32).to(device)
loss = nn.CrossEntropyLoss()(logits, target)  # expect: CE008
