"""The page's formulas against the library's, in a browser, over random inputs."""

import numpy as np
import pytest
import torch

from crossentropy.evaluation import evaluate
from crossentropy.learn import _figures, _models
from crossentropy.losses import (
    LossOptions,
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cross_entropy,
    log_softmax,
    one_hot,
    sigmoid,
    softmax,
)

TIMES = 40
ALLOW = LossOptions(probabilities="allow")


def tensor(values):
    return torch.tensor(values, dtype=torch.float64)


def logits(rng):
    return (rng.normal(size=rng.integers(2, 12)) * rng.choice([0.1, 1, 5, 40])).tolist()


def hard(rng):
    z = logits(rng)
    return [z, int(rng.integers(len(z)))]


def soft(rng):
    z = logits(rng)
    return [z, rng.dirichlet(np.ones(len(z))).tolist()]


def binary(rng):
    return [float(rng.normal(scale=8)), float(rng.choice([0, 1, rng.random()]))]


def slope(loss, values):
    z = tensor(values).requires_grad_()
    (found,) = torch.autograd.grad(loss(z), z)
    return found.tolist()


def smoothed_loss(k, classes, smoothing):
    # the loss is linear in the target, so that its values for unit log-probabilities give the target back
    parts = [
        float(
            cross_entropy(
                torch.eye(classes, dtype=torch.float64)[j], torch.tensor(k), label_smoothing=smoothing
            )
        )
        for j in range(classes)
    ]
    all_ = float(torch.logsumexp(torch.eye(classes, dtype=torch.float64)[0], 0))
    return [all_ - part for part in parts]


def halves(z, subtract):
    half = torch.tensor(z, dtype=torch.float16)
    powers = (half - half.max() if subtract else half).exp()
    return (powers / powers.sum()).tolist()


# the page's function: what it is given, and the library's value of the same
SAME = {
    "sigmoid": (lambda rng: [float(rng.normal(scale=9))], lambda o: sigmoid(tensor(o)).tolist()),
    "logit": (lambda rng: [float(rng.random())], lambda p: float(torch.logit(tensor(p)))),
    "binaryCrossEntropyWithLogits": (
        binary,
        lambda o, t: float(binary_cross_entropy_with_logits(tensor([o]), tensor([t]))),
    ),
    "binaryCrossEntropy": (
        lambda rng: [float(rng.choice([0, 1, rng.random()])), float(rng.choice([0, 1, rng.random()]))],
        lambda p, t: float(binary_cross_entropy(tensor([p]), tensor([t]))),
    ),
    "logisticGradient": (
        binary,
        lambda o, t: slope(lambda z: binary_cross_entropy_with_logits(z, tensor([t])), [o])[0],
    ),
    "squaredGradient": (binary, lambda o, t: slope(lambda z: ((sigmoid(z) - t) ** 2).sum(), [o])[0]),
    "softmax": (
        lambda rng: [logits(rng), float(rng.uniform(0.2, 5))],
        lambda z, heat: softmax(tensor(z) / heat, dim=0).tolist(),
    ),
    "logSoftmax": (lambda rng: [logits(rng)], lambda z: log_softmax(tensor(z), dim=0).tolist()),
    "crossEntropy": (hard, lambda z, k: float(cross_entropy(tensor(z), torch.tensor(k)))),
    "gradient": (soft, lambda z, y: slope(lambda v: cross_entropy(v, tensor(y)), z)),
    "crossEntropyTwice": (hard, lambda z, k: float(_figures.twice(tensor(z), k))),
    "gradientTwice": (hard, lambda z, k: slope(lambda v: _figures.twice(v, k), z)),
    "floorTwice": (
        lambda rng: [int(rng.integers(2, 2000))],
        lambda n: float(cross_entropy(one_hot(torch.tensor(0), n).double(), torch.tensor(0), options=ALLOW)),
    ),
    "crossEntropyOf": (
        lambda rng: [rng.dirichlet(np.ones(5)).tolist(), rng.dirichlet(np.ones(5)).tolist()],
        lambda p, q: float(cross_entropy(tensor(p).log(), tensor(q))),
    ),
    "entropy": (
        lambda rng: [rng.dirichlet(np.ones(6)).tolist()],
        lambda q: float(cross_entropy(tensor(q).log(), tensor(q))),
    ),
    "divergence": (
        lambda rng: [rng.dirichlet(np.ones(5)).tolist(), rng.dirichlet(np.ones(5)).tolist()],
        lambda q, p: float(
            cross_entropy(tensor(p).log(), tensor(q)) - cross_entropy(tensor(q).log(), tensor(q))
        ),
    ),
    "smoothed": (
        lambda rng: [int(rng.integers(4)), 4, float(rng.random())],
        smoothed_loss,
    ),
    "share": (
        lambda rng: [rng.exponential(size=4).tolist()],
        lambda w: softmax(tensor(w).log(), dim=0).tolist(),
    ),
    "half": (
        lambda rng: [float(rng.normal() * 10 ** rng.uniform(-9, 5))],
        lambda value: float(torch.tensor(value, dtype=torch.float64).half()),
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_a_formula_of_the_page_is_that_of_the_library(shared, name):
    given, library = SAME[name]
    rng = np.random.default_rng(len(name))
    cases = [given(rng) for _ in range(TIMES)]
    shared.open()
    found = shared.page.evaluate(
        "([name, cases]) => cases.map((given) => lesson.maths[name](...given))", [name, cases]
    )
    for case, value in zip(cases, found, strict=True):
        np.testing.assert_allclose(value, library(*case), atol=1e-6, rtol=1e-6, err_msg=f"{name}{case}")


def test_sixteen_bits_overflow_where_torch_does(shared):
    rng = np.random.default_rng(0)
    cases = [
        [(rng.normal(size=4) * 3 + shift).tolist(), bool(i % 2)] for i, shift in enumerate(range(-12, 20))
    ]
    shared.open()
    found = shared.page.evaluate(
        "(cases) => cases.map(([z, subtract]) => lesson.maths.halfSoftmax(z, subtract).p.map(String))", cases
    )
    undefined = 0
    for (z, subtract), p in zip(cases, found, strict=True):
        # torch adds up in float32, which may move the last of the 11 bits
        np.testing.assert_allclose([float(value) for value in p], halves(z, subtract), rtol=2e-3, atol=2e-7)
        undefined += any(value == "NaN" for value in p)
        assert not (subtract and "NaN" in p)
    assert undefined > 3


def test_the_figures_of_many_rows_are_those_of_an_evaluation(shared):
    rng = np.random.default_rng(1)
    shared.open()
    for n, classes, heat in ((400, 10, 1.0), (57, 3, 2.5), (16, 2, 0.4), (300, 5, 1.7)):
        z = rng.normal(size=(n, classes)) * 2
        z[n // 2 :] = z[: n - n // 2]  # equal confidences, to the last bit, share a bin
        targets = rng.integers(classes, size=n)
        test = evaluate(z / heat, targets, classes=range(classes))
        found = shared.page.evaluate(
            "(given) => lesson.maths.figures(...given)", [z.tolist(), targets.tolist(), heat]
        )
        assert found["loss"] == pytest.approx(test.loss.value, abs=1e-6)
        assert found["accuracy"] == pytest.approx(test.accuracy.value, abs=1e-6)
        bins = [
            [b.rows, b.confidence, b.accuracy.value, b.accuracy.low, b.accuracy.high]
            for b in test.calibration.bins
        ]
        keys = ("rows", "confidence", "accuracy", "low", "high")
        np.testing.assert_allclose([[b[key] for key in keys] for b in found["bins"]], bins, atol=1e-6)


def test_gradient_descent_takes_the_steps_of_autograd(shared):
    rng = np.random.default_rng(2)
    shared.open()
    for rate, steps in ((0.3, 7), (1.0, 25), (4.0, 12), (10.0, 5)):
        features, targets = rng.normal(size=(40, 2)), rng.integers(3, size=40)
        weight, loss = _models.descend(features, targets, 3, rate, steps)
        found = shared.page.evaluate(
            "(given) => lesson.maths.descend(...given)", [features.tolist(), targets.tolist(), 3, rate, steps]
        )
        assert found["losses"][-1] == pytest.approx(loss, abs=1e-6)
        np.testing.assert_allclose(found["weight"], weight, atol=1e-6)


@pytest.mark.parametrize("kind", ["log", "squared", "linear"])
def test_the_cheapest_report_is_where_the_average_cost_is_least(shared, kind):
    cost = {"log": lambda p: -np.log(p), "squared": lambda p: (1 - p) ** 2, "linear": lambda p: 1 - p}[kind]
    q = np.linspace(1e-6, 1 - 1e-6, 20001)
    shared.open()
    for outcomes in (2, 6):
        for f in (0.05, 0.1666, 0.3, 0.5, 0.81, 0.95):
            average = f * cost(q) + (1 - f) * cost((1 - q) / (outcomes - 1))
            best, paid = shared.page.evaluate(
                "([kind, f, n, q]) => [lesson.maths.bestReport(kind, f, n), lesson.maths.expectedCost(kind, f, q, n)]",
                [kind, f, outcomes, 0.37],
            )
            at = q[average.argmin()]
            assert best == pytest.approx(at, abs=2e-4)
            assert paid == pytest.approx(float(np.interp(0.37, q, average)), abs=1e-6)
            # the log is honest in both games, the square only where there are two outcomes
            assert (abs(best - f) < 1e-9) == (kind == "log" or (kind == "squared" and outcomes == 2))
