"""Richer calibration is taken where rows held out from it say that it pays, and is then what it says it is."""

import numpy as np
import pytest
from scipy.optimize import check_grad, minimize
from scipy.special import log_softmax

from crossentropy.evaluation import fit_calibration, fit_temperature, losses_from_logits
from crossentropy.evaluation._forms import _fit_vector, _matrix_of


def drawn(n, k, seed, wrong=lambda z: z):
    """Logits z as a model gives them, of classes drawn from softmax(wrong(z)); and folds."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=(n, k)) * 2
    truth = wrong(z)
    targets = (truth + rng.gumbel(size=z.shape)).argmax(axis=1)
    return z, targets, np.arange(n) % 5


def moved(found, z):
    z = z / found.temperature
    if found.scale is not None:
        z = z * found.scale if found.scale.ndim == 1 else z @ found.scale.T
    return z if found.bias is None else z + found.bias


def test_where_a_temperature_is_the_truth_nothing_richer_is_taken_often():
    """A gain of more than one standard error comes by chance in about a sixth of all cases, of a loss less often."""
    taken = 0
    for seed in range(20):
        z, targets, folds = drawn(400, 4, seed, lambda z: z / 1.6)
        found = fit_calibration(z, targets, folds)
        assert found.temperature == fit_temperature(z, targets)[0]
        assert [gain.form for gain in found.gains] == ["vector", "matrix"]
        assert (found.form == "temperature") == all(g.gain <= g.standard_error for g in found.gains)
        taken += found.form != "temperature"
        if found.form == "temperature":
            assert found.held_out.tobytes() == (z / found.temperature).tobytes()
            assert found.scale is None
            assert found.bias is None
    assert taken <= 4


TRUTHS = {
    "vector": lambda z: z * [0.4, 1.0, 1.0, 1.6] + [0.8, 0.0, -0.5, 0.0],
    "matrix": lambda z: z @ (np.eye(4) + np.array([[0, 0.8, 0, 0], [-0.8, 0, 0, 0], [0] * 4, [0] * 4])).T,
}


STRENGTHS = {"matrix": 1e-2}


@pytest.mark.parametrize("form", TRUTHS)
def test_where_it_is_not_the_form_that_is_the_truth_is_found_and_lowers_the_loss_of_new_rows(form):
    z, targets, folds = drawn(4000, 4, 0, TRUTHS[form])
    found = fit_calibration(z, targets, folds)
    assert found.form == form
    assert found.scale.shape == ((4,) if form == "vector" else (4, 4))
    later, answers, _ = drawn(20000, 4, 1, TRUTHS[form])
    loss = losses_from_logits(moved(found, later), answers).mean()
    tempered = losses_from_logits(later / found.temperature, answers).mean()
    best = losses_from_logits(TRUTHS[form](later), answers).mean()
    gain = next(g for g in found.gains if g.form == form)
    assert loss < tempered
    assert tempered - loss == pytest.approx(gain.gain, abs=4 * gain.standard_error)
    assert loss - best < 0.1 * (tempered - best)
    fold = folds == 2
    own = fit_temperature(z[~fold], targets[~fold])[0]
    fit = _fit_vector if form == "vector" else _matrix_of(STRENGTHS[form])
    # each fold is judged by what the others say, its temperature too
    tempered = z.copy()
    for f in range(5):
        tempered[folds == f] /= fit_temperature(z[folds != f], targets[folds != f])[0]
    scale, bias = fit(tempered[~fold], targets[~fold], np.ones((~fold).sum()), None)
    want = z[fold] / own
    want = (want * scale if scale.ndim == 1 else want @ scale.T) + bias
    np.testing.assert_allclose(found.held_out[fold], want, atol=1e-5)
    # the rows' own logits are those of fits that did not see them
    assert (
        losses_from_logits(found.held_out, targets).mean()
        > losses_from_logits(moved(found, z), targets).mean()
    )


def test_groups_that_repeat_a_row_tell_no_more_than_it():
    z, targets, folds = drawn(150, 3, 3, lambda z: z * [0.7, 1.0, 1.3])
    one = fit_calibration(z, targets, folds)
    many = fit_calibration(
        np.repeat(z, 20, axis=0),
        np.repeat(targets, 20),
        np.repeat(folds, 20),
        groups=np.repeat(np.arange(150), 20),
    )
    alone = fit_calibration(np.repeat(z, 20, axis=0), np.repeat(targets, 20), np.repeat(folds, 20))
    errors = [{g.form: g.standard_error for g in found.gains}["vector"] for found in (one, many, alone)]
    assert errors[1] == pytest.approx(errors[0], rel=0.35)
    assert errors[2] < 0.4 * errors[1]


def test_the_vector_is_the_minimum_of_its_objective():
    z, targets, _ = drawn(300, 3, 5)
    weights = np.random.default_rng(0).exponential(size=300)
    share, k, n = weights / weights.sum(), 3, 300
    wanted = np.exp(log_softmax(z, axis=1)) / (n + 1)
    wanted[np.arange(n), targets] += n / (n + 1)

    def objective(x):
        off = x - np.r_[np.ones(k), np.zeros(k)]
        return -share @ (wanted * log_softmax(z * x[:k] + x[k:], axis=1)).sum(axis=1) + off @ off / (2 * n)

    scale, bias = _fit_vector(z, targets, weights)
    best = minimize(objective, np.r_[np.ones(k), np.zeros(k)], method="BFGS", options={"gtol": 1e-7})
    np.testing.assert_allclose(np.r_[scale, bias], best.x, atol=1e-4)
    assert check_grad(objective, lambda x: np.zeros_like(x), np.r_[scale, bias]) < 1e-6


def test_the_matrix_is_held_to_the_identity():
    z, targets, _ = drawn(500, 4, 6, TRUTHS["matrix"])
    stiff, loose = (_matrix_of(strength)(z, targets, np.ones(500), None)[0] for strength in (1e-9, 1.0))
    np.testing.assert_allclose(stiff, np.eye(4), atol=1e-5)
    assert np.abs(loose - np.eye(4)).max() > 0.3


def test_few_rows_and_rare_classes_try_nothing_that_they_cannot_tell():
    z, targets, folds = drawn(30, 4, 7)
    assert fit_calibration(z, targets, folds).gains == ()
    z, targets, folds = drawn(200, 4, 7)
    targets[targets == 3] = 2
    targets[:3] = 3
    assert [gain.form for gain in fit_calibration(z, targets, folds).gains] == ["vector"]
    z, targets, folds = drawn(200, 2, 8)
    assert [gain.form for gain in fit_calibration(z, targets, folds).gains] == ["vector"]
    assert fit_calibration(z, targets, np.zeros(200, np.int64)).gains == ()
