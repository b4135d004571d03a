"""Decisions: the cheapest label of any number of classes, and costs of a wrong shape refused."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from crossentropy.errors import ConfigError
from crossentropy.evaluation import cheapest, cost_figures, read_costs


def chances(n, k, seed):
    rng = np.random.default_rng(seed)
    p = rng.dirichlet(np.full(k, 0.5), n)
    return p, np.array([rng.choice(k, p=row) for row in p])


@given(st.integers(2, 6), st.integers(0, 2**32 - 1))
def test_no_other_label_is_expected_to_cost_less(k, seed):
    p, _ = chances(30, k, seed)
    costs = np.random.default_rng(seed).normal(size=(k, k)) * 10
    labels, expected = cheapest(p, costs)
    for row, label, cost in zip(p, labels, expected, strict=True):
        every = [sum(row[i] * costs[i, j] for i in range(k)) for j in range(k)]
        assert cost == pytest.approx(every[label])
        assert cost <= min(every) + 1e-9


def test_equal_costs_give_the_most_probable_label_and_two_classes_a_threshold():
    p, _ = chances(500, 4, 0)
    assert (cheapest(p, 1 - np.eye(4))[0] == p.argmax(axis=1)).all()
    p, _ = chances(500, 2, 1)
    # a miss that costs nine times a false alarm: say yes from 0.1 on
    labels, _ = cheapest(p, np.array([[0.0, 1.0], [9.0, 0.0]]))
    assert (labels == (p[:, 1] > 0.1)).all()
    assert (cheapest(np.array([[0.2, 0.8], [0.7, 0.3]]), np.ones((2, 2)))[0] == [1, 0]).all()


def test_the_figures_are_what_the_labels_cost_and_honest_probabilities_foresee_it():
    p, targets = chances(5000, 3, 2)
    costs = np.array([[0, 1, 8], [2, 0, 1], [20, 5, 0.0]])
    found = cost_figures(p, targets, costs, classes="abc")
    labels, _ = cheapest(p, costs)
    assert found.cost.value == pytest.approx(
        np.mean([costs[t, j] for t, j in zip(targets, labels, strict=True)])
    )
    assert found.cost.low <= found.expected <= found.cost.high
    assert found.saved.low > 0
    assert found.saved.value == pytest.approx(found.most_probable.value - found.cost.value)
    assert found.cost.value < found.constant == min(costs[targets].mean(axis=0))
    assert found.relabelled == (labels != p.argmax(axis=1)).sum()


def test_costs_are_read_by_order_by_name_as_json_and_from_a_file(tmp_path):
    rows = [[0, 1.5], [9, -1]]
    named = {"yes": {"no": 9, "yes": -1}, "no": {"yes": 1.5}}
    (tmp_path / "costs.json").write_text(json.dumps(named))
    for form in (rows, np.array(rows), named, json.dumps(rows), json.dumps(named), tmp_path / "costs.json"):
        assert (read_costs(form, ("no", "yes")) == rows).all()
    assert (read_costs({"0": {"1": 3}, 1: {0: 4}}, (0, 1)) == [[0, 3], [4, 0]]).all()


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ([[0, 1, 2], [1, 0, 2], [1, 1, 0]], "have 3 rows; there are 2 classes: no, yes"),
        ([[0, 1], [1]], "2 rows, not all of 2 numbers"),
        ([[0, 1], 5], "2 rows, not all of 2 numbers"),
        ("[1, 2]", "2 rows, not all of 2 numbers"),
        ("7", "7: cannot be read"),
        ("{", "no JSON"),
        ({"no": {"yes": 1}}, "lack that of saying 'no' of 'yes'"),
        ({"no": {"yes": 1}, "maybe": {"no": 1}}, "name a class 'maybe'"),
        ({"no": 3, "yes": {"no": 1}}, "costs of 'no' are 3"),
        ([[0, "1"], [1, 0]], "of saying 'yes' of 'no' is '1'"),
        ([[0, None], [1, 0]], "is None"),
        ([[0, float("nan")], [1, 0]], "is nan"),
        ([[0, 1e300], [1, 0]], "within 1e100"),
        (5, "have 0 rows"),
    ],
)
def test_what_is_no_matrix_of_costs_is_refused(wrong, said):
    with pytest.raises(ConfigError) as caught:
        read_costs(wrong, ("no", "yes"))
    assert said in str(caught.value)
