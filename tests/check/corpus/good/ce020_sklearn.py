from sklearn.metrics import log_loss


def score(model, x, y):
    return log_loss(y, model.predict_proba(x))
