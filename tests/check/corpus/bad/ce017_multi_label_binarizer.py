import torch
from sklearn.preprocessing import MultiLabelBinarizer
from torch import nn

tags = MultiLabelBinarizer().fit_transform([{"a", "b"}, {"c"}, {"a", "c"}])
model = nn.Linear(16, 3)
loss = nn.CrossEntropyLoss()(model(torch.randn(3, 16)), torch.tensor(tags).float())  # expect: CE017
