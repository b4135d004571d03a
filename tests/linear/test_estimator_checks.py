"""scikit-learn's own checks of an estimator, without an expected failure."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from crossentropy.linear import LogisticRegression, LogisticRegressionCV

MODELS = [
    LogisticRegression(),
    LogisticRegression(C=100.0, class_weight="balanced", tol=1e-12),
    LogisticRegressionCV(Cs=4, cv=3, tol=1e-10),
]

# Checks of the array API skip themselves unless SCIPY_ARRAY_API was set before SciPy was imported;
# `test_inputs.py` has a process of its own for them.
CHECKS = [
    (estimator, check)
    for model in MODELS
    for estimator, check in estimator_checks_generator(model)
    if "array_api" not in check.func.__name__
]


IDS = [f"{estimator}-{check.func.__name__}" for estimator, check in CHECKS]


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=IDS)
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)
