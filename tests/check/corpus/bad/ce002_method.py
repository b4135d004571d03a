from torch import nn

criterion = nn.CrossEntropyLoss()


def loss_of(outputs, labels):
    outputs = outputs.log_softmax(1)
    return criterion(outputs, labels)  # expect: CE002
