from torch.distributions import Categorical


def policy_loss(logits, actions, advantage):
    return -(Categorical(logits=logits).log_prob(actions) * advantage).mean()
