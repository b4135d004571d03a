"""A thousand random and adversarial problems: the certificate is never below the true gap."""

import numpy as np
import pytest

from crossentropy.linear import Status

from .problems import Problem, fit, random_rows


def adversary(seed):
    """Return a problem with some of the hard features, and where to stop."""
    rng = np.random.default_rng(seed)
    k = int(rng.integers(2, 6))
    n, d = int(rng.integers(2 * k, 60)), int(rng.integers(1, 7))
    X, y = random_rows(seed, n, d, k, strength=float(rng.choice([0.3, 2.0, 20.0])))
    if rng.random() < 0.3:
        X = X * 10.0 ** rng.uniform(-4, 4, d)
    if rng.random() < 0.2:
        X = X + rng.choice([1.0, 300.0, 1e4])
    if rng.random() < 0.2:
        X = np.hstack([X, X[:, :1] * (1 + 10.0 ** rng.uniform(-6, -1) * rng.standard_normal((n, 1)))])
    if rng.random() < 0.1:
        X = np.hstack([X, X[:, :1], np.full((n, 1), 2.0)])
    if rng.random() < 0.15:
        X = X + 30.0 * np.linalg.norm(X) * np.eye(k)[y][:, :1] * rng.standard_normal((1, X.shape[1]))
    if rng.random() < 0.2:
        y = np.where(np.arange(n) < k, np.arange(n) % k, 0)  # classes of one row
    s = None
    if rng.random() < 0.4:
        s = 10.0 ** rng.uniform(-3, 3, n)
    C = 10.0 ** rng.uniform(-4, 6)
    problem = Problem(f"adversary {seed}", X, y, C=C, s=s, intercept=bool(rng.random() < 0.8))
    return problem, int(rng.choice([0, 1, 2, 5, 15, 500])), float(10.0 ** rng.uniform(-12, -2))


def check(seeds):
    failures, certified = [], 0
    for seed in seeds:
        problem, max_iter, tol = adversary(seed)
        model = fit(problem, max_iter=max_iter, tol=tol)
        with np.errstate(over="ignore", invalid="ignore"):  # trial steps of the reference
            least = problem.minimum() * (1 + 64 * np.finfo(np.longdouble).eps)
        true_gap = problem.objective(model.coef_.astype(float), model.intercept_.astype(float)) - least
        if not true_gap <= model.optimality_gap_:
            failures.append((seed, float(true_gap), model.optimality_gap_))
        certified += model.result_.status is Status.REACHED
    return failures, certified


def test_no_gap_is_below_the_true_gap_on_adversaries():
    failures, certified = check(range(100))
    assert failures == []
    assert certified > 30


@pytest.mark.deep
def test_no_gap_is_below_the_true_gap_on_a_thousand_adversaries():
    failures, certified = check(range(1000))
    assert failures == []
    assert certified > 300
