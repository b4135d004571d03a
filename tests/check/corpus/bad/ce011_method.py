def log_p(scores):
    return scores.sigmoid().log()  # expect: CE011
