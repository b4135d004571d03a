"""Problems that are hard in one way each, and their minimum in extended precision by an independent route."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

Wide = np.longdouble


@dataclass(frozen=True, eq=False)
class Problem:
    name: str
    X: np.ndarray
    y: np.ndarray
    C: float = 1.0
    s: np.ndarray | None = None
    intercept: bool = True

    @property
    def K(self):
        return int(self.y.max()) + 1

    @property
    def weights(self):
        return np.ones(len(self.y)) if self.s is None else self.s

    def objective(self, coef, intercept):
        """Return F (mean form) at scikit-learn's coef_ and intercept_, in extended precision."""
        return evaluate(self, np.column_stack([coef, intercept]).astype(Wide))[0]

    def minimum(self):
        return minimum(self)


def evaluate(problem, theta):
    """Return F, gradient and probabilities in extended precision; theta (1 or K, D + 1), intercepts last."""
    X = np.column_stack([problem.X, np.full(len(problem.y), 1.0 if problem.intercept else 0.0)]).astype(Wide)
    omega = problem.weights.astype(Wide) / problem.weights.astype(Wide).sum()
    l2 = 1 / (Wide(problem.C) * problem.weights.astype(Wide).sum())
    z = X @ theta.T
    if len(theta) == 1:
        z = np.column_stack([np.zeros_like(z), z])
    each = np.arange(len(z))
    others = np.exp(z - z[each, problem.y][:, None])
    others[each, problem.y] = 0
    loss = np.log1p(others.sum(axis=1))
    p = others / (1 + others.sum(axis=1))[:, None]
    residual = p.copy()
    residual[each, problem.y] = -p.sum(axis=1)
    p[each, problem.y] = 1 / (1 + others.sum(axis=1))
    penalised = theta.copy()
    penalised[:, -1] = 0
    gradient = (residual * omega[:, None])[:, -len(theta) :].T @ X + l2 * penalised
    return omega @ loss + l2 / 2 * (penalised**2).sum(), gradient, p


def hessian(problem, p, outputs):
    """Return the Hessian (outputs (D + 1))^2 in float64, class by class."""
    X = np.column_stack([problem.X, np.full(len(problem.y), 1.0 if problem.intercept else 0.0)])
    width = X.shape[1]
    omega = problem.weights / problem.weights.sum()
    p = p[:, -outputs:].astype(float)
    H = np.zeros((outputs, width, outputs, width))
    for a in range(outputs):
        for b in range(outputs):
            bend = omega * (p[:, a] * (a == b) - p[:, a] * p[:, b])
            H[a, :, b, :] = (X * bend[:, None]).T @ X
            if a == b:
                H[a, :, a, :] += np.diag([1 / (problem.C * problem.weights.sum())] * (width - 1) + [0.0])
    return H.reshape(outputs * width, outputs * width)


def minimum(problem):
    """Return min F: dense Newton steps by least squares, evaluated in extended precision."""
    if problem.intercept:  # the same problem, better conditioned: the free intercept absorbs a shift
        problem = replace(problem, X=problem.X - problem.X.mean(axis=0))
    theta = np.zeros((1 if problem.K == 2 else problem.K, problem.X.shape[1] + 1), dtype=Wide)
    value, gradient, p = evaluate(problem, theta)
    for _ in range(300):
        H = hessian(problem, p, len(theta))
        scale = 1 / np.sqrt(np.where(np.diag(H) > 0, np.diag(H), 1))
        g = (gradient.ravel() * scale).astype(float)
        step = -(np.linalg.lstsq(H * scale * scale[:, None], g, rcond=1e-15)[0] * scale).reshape(theta.shape)
        length = Wide(1)
        while True:
            trial = theta + length * step
            new, new_gradient, new_p = evaluate(problem, trial)
            if new < value or length < 1e-6:
                break
            length /= 2
        if not new < value:
            return value
        theta, value, gradient, p = trial, new, new_gradient, new_p
    return value


def random_rows(seed, n, d, k, strength=2.0):
    """Rows with classes drawn from a softmax; every class occurs."""
    rng = np.random.default_rng(seed)
    X = rng.standard_normal((n, d))
    z = strength * X @ rng.standard_normal((d, k)) / np.sqrt(d)
    y = np.argmax(z + rng.gumbel(size=z.shape), axis=1)
    y[:k] = np.arange(k)
    return X, y


def _list():
    rng = np.random.default_rng(7)
    X, y = random_rows(0, 300, 6, 4)
    X2, y2 = random_rows(1, 200, 5, 2)
    X26, y26 = random_rows(2, 600, 4, 26)
    centres = 6.0 * rng.standard_normal((3, 5))
    apart = centres[np.arange(90) % 3] + 0.3 * rng.standard_normal((90, 5))
    rare = np.where(np.arange(300) == 11, 4, np.minimum(y, 3))
    s = rng.uniform(0, 3, 300) * (rng.random(300) > 0.3)
    return [
        Problem("easy", X, y),
        Problem("binary", X2, y2),
        Problem("26 classes", X26, y26, C=3.0),
        Problem("columns of 1e-4 to 1e4", X * 10.0 ** np.linspace(-4, 4, 6), y),
        Problem("columns offset by 1000", X + 1000, y),
        Problem("collinear", np.hstack([X, X + 1e-5 * rng.standard_normal(X.shape)]), y, C=100.0),
        Problem("duplicate and constant columns", np.hstack([X, X, np.full((300, 1), 3.0)]), y),
        Problem("separable, C 1e6", apart, np.arange(90) % 3, C=1e6),
        Problem("separable binary, C 1e6", apart, (np.arange(90) % 3 == 1).astype(int), C=1e6),
        Problem("C 1e-6", X, y, C=1e-6),
        Problem("C 1e6", X, y, C=1e6),
        Problem("weights with zeros", X, y, s=s),
        Problem("weights of 1e-6 to 1e6", X, y, s=10.0 ** rng.uniform(-6, 6, 300)),
        Problem("no intercept", X + 0.5, y, intercept=False),
        Problem("binary without intercept", X2, y2, C=50.0, intercept=False),
        Problem("a class of one row", X, rare, C=10.0),
        Problem("more columns than rows", *random_rows(3, 12, 40, 3)),
        Problem("two rows", np.array([[0.0, 1.0], [2.0, 1.0]]), np.array([0, 1])),
        Problem("60 classes", *random_rows(4, 120, 3, 60)),
    ]


PROBLEMS = _list()
IDS = [problem.name for problem in PROBLEMS]


def fit(problem, **settings):
    from crossentropy.linear import LogisticRegression

    model = LogisticRegression(C=problem.C, fit_intercept=problem.intercept, **settings)
    return model.fit(problem.X, problem.y, sample_weight=problem.s)
