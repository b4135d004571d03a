"""Cells that list several categories: one indicator an item, however the list is held."""

import numpy as np
import polars as pl
import pytest

from crossentropy.errors import DataError
from crossentropy.tables import Encoder, infer_columns, read_table

TAGS = [["red", "round"], ["red"], ["blue", "round"], [], None, ["blue", "once"]] * 8 + [["never"]]


def fit(frame, **kinds):
    table = read_table(frame)
    return Encoder.fit(table, infer_columns(table, leave_out={}, given=kinds))


def features_of(encoder, frame):
    features = encoder.transform(read_table(frame)).toarray()
    return dict(zip(encoder.feature_names, features.T, strict=True))


def test_each_item_has_an_indicator():
    got = features_of(
        fit(pl.DataFrame({"t": TAGS})), pl.DataFrame({"t": [["red", "red"], ["new", "newer"], None, []]})
    )
    assert got["t has red"].tolist() == [1, 0, 0, 0]
    assert got["t has other"].tolist() == [0, 1, 0, 0]
    assert got["t missing"].tolist() == [0, 0, 1, 0]
    assert sum(column[3] for column in got.values()) == 0


@pytest.mark.parametrize("mark", [", ", ";", " | "])
def test_text_with_items_that_recur_is_a_list(mark):
    rng = np.random.default_rng(0)
    cells = [mark.join(f"tag{i}" for i in sorted(rng.choice(12, 3, replace=False))) for _ in range(300)]
    table = read_table(pl.DataFrame({"t": cells}))
    (column,) = infer_columns(table, leave_out={})
    assert (column.kind, column.used) == ("list", True)
    got = features_of(fit(pl.DataFrame({"t": cells})), pl.DataFrame({"t": cells}))
    assert set(got) == {f"t has tag{i}" for i in range(12)}
    np.testing.assert_array_equal(sum(got.values()), 3)
    as_lists = features_of(
        fit(pl.DataFrame({"t": [c.split(mark.strip()) for c in cells]})), pl.DataFrame({"t": [["tag3"]]})
    )
    assert as_lists["t has tag3"] == [1]


def test_sentences_and_names_with_commas_are_no_lists():
    sentences = [f"first {i}, then {i * 7 % 13}, and so on {i}" for i in range(100)]
    names = [f"surname{i}, name{i % 50}" for i in range(100)]
    for cells in (sentences, names):
        (column,) = infer_columns(read_table(pl.DataFrame({"t": cells})), leave_out={})
        assert column.kind != "list"


OTHERS = {
    "nested": [[[1], [2]], [[3]]],
    "vectors": [[0.5, 1.5], [2.5, 3.5]],
    "records": [{"a": 1}, {"a": 2}],
}


@pytest.mark.parametrize("name", OTHERS)
def test_other_nested_values_stay_out_and_are_said(name):
    (column,) = infer_columns(read_table(pl.DataFrame({"t": OTHERS[name]})), leave_out={})
    assert (column.kind, column.used) == ("other", False)
    assert "are not read" in column.note


def test_lists_of_integers_and_booleans_are_categories():
    got = features_of(fit(pl.DataFrame({"t": [[1, 2], [2], [1]] * 3})), pl.DataFrame({"t": [[2, 9]]}))
    assert {n: c.tolist() for n, c in got.items()} == {"t has 1": [0], "t has 2": [1]}


def test_values_of_another_type_at_prediction_are_refused():
    encoder = fit(pl.DataFrame({"t": TAGS}))
    with pytest.raises(DataError, match="expected lists of categories"):
        encoder.transform(read_table(pl.DataFrame({"t": [{"a": 1}]})))
