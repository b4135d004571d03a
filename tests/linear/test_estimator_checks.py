"""scikit-learn's own checks of an estimator, without an expected failure."""

import pytest
from sklearn.utils.estimator_checks import parametrize_with_checks

from crossentropy.linear import LogisticRegression


@parametrize_with_checks([LogisticRegression(), LogisticRegression(C=float("inf"), class_weight="balanced")])
def test_scikit_learn_estimator_checks(estimator, check):
    check(estimator)
