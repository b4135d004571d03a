"""scikit-learn's own checks of an estimator, without an expected failure."""

import pytest
from sklearn.utils.estimator_checks import estimator_checks_generator

from crossentropy.network import NetworkClassifier

# small and quick: a hundred fits of a few rows each
MODEL = NetworkClassifier(folds=2, members=2, width=16, epochs=15, lr=2e-2, batch_size=256)

CHECKS = [
    (estimator, check)
    for estimator, check in estimator_checks_generator(MODEL)
    if "array_api" not in check.func.__name__
]
IDS = [check.func.__name__ for _, check in CHECKS]


@pytest.mark.parametrize(("estimator", "check"), CHECKS, ids=IDS)
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)
