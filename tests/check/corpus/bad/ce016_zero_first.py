import torch.nn.functional as F


class Trainer:
    def __init__(self, model, optimizer, every):
        self.model, self.optimizer, self.every = model, optimizer, every

    def epoch(self, loader):
        for step, batch in enumerate(loader):
            F.cross_entropy(self.model(batch[0]), batch[1]).backward()  # expect: CE016
            if step % self.every == self.every - 1:
                self.optimizer.step()
                self.optimizer.zero_grad(set_to_none=True)
