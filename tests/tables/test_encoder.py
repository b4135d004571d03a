"""Columns to features: laws over arbitrary tables, and the promise that a reloaded encoder gives the same bits."""

import datetime
import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from crossentropy.errors import BundleError, DataError
from crossentropy.tables import Encoder, infer_columns, read_table

NUMBERS = st.none() | st.floats() | st.floats(-10, 10)
WORDS = st.none() | st.sampled_from(["a", "b", "c", "missing", ""]) | st.text(max_size=5)


@st.composite
def frames(draw):
    n = draw(st.integers(2, 30))
    return pl.DataFrame(
        {
            "number": pl.Series(draw(st.lists(NUMBERS, min_size=n, max_size=n)), dtype=pl.Float64),
            "whole": pl.Series(
                draw(st.lists(st.none() | st.integers(-(2**62), 2**62), min_size=n, max_size=n)),
                dtype=pl.Int64,
            ),
            "flag": pl.Series(
                draw(st.lists(st.none() | st.booleans(), min_size=n, max_size=n)), dtype=pl.Boolean
            ),
            "word": pl.Series(draw(st.lists(WORDS, min_size=n, max_size=n)), dtype=pl.String),
            "tail": [*map(float, range(n - 1)), 0.5],
        }
    )


def fit(frame):
    table = read_table(frame)
    return Encoder.fit(table, infer_columns(table, leave_out={}))


def test_a_whole_number_written_with_a_point_is_the_same_category():
    """Programs write 1 as 1.0 as soon as one value of a column is missing."""
    encoder = fit(pl.DataFrame({"code": ["1", "2", "x"] * 4}))
    again = pl.DataFrame({"code": ["1.0", "2.00", "x", "1.5"]})
    features = encoder.transform(read_table(again)).toarray()
    assert features.tolist() == [[1, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0]]


def test_missing_columns_are_named_all_at_once():
    frame = pl.DataFrame({name: [1.0, 2.5, 4.0] for name in ("age", "height", "income")})
    encoder = fit(frame)
    with pytest.raises(DataError, match=r"'age', .* trained on\. Did you mean 'aged'\?"):
        encoder.transform(read_table(frame.rename({"age": "aged"}))).toarray()
    with pytest.raises(
        DataError, match=r"'age', .* trained on \(nor 1 more of those\)\. Missing: age, income\."
    ):
        encoder.transform(read_table(frame.rename({"age": "target", "income": "x"}))).toarray()


LAWS = settings(deadline=None, derandomize=True, max_examples=100)


@LAWS
@given(frames())
def test_features_are_finite_and_a_reloaded_encoder_gives_the_same_bits(frame):
    encoder = fit(frame)
    features = encoder.transform(read_table(frame)).toarray()
    assert features.dtype == np.float32
    assert features.shape == (frame.height, len(encoder.feature_names))
    assert len(set(encoder.feature_names)) == len(encoder.feature_names)
    assert np.isfinite(features).all()
    again = Encoder.from_json(json.loads(json.dumps(encoder.to_json())))
    assert again == encoder
    assert again.transform(read_table(frame)).toarray().tobytes() == features.tobytes()


@LAWS
@given(frames(), st.randoms(use_true_random=False))
def test_the_order_of_rows_and_columns_does_not_matter(frame, random):
    encoder = fit(frame)
    rows = list(range(frame.height))
    random.shuffle(rows)
    names = frame.columns
    random.shuffle(names)
    shuffled = frame[rows].select([*names, pl.lit(1).alias("further")])
    assert (
        encoder.transform(read_table(shuffled)).toarray()
        == encoder.transform(read_table(frame)).toarray()[rows]
    ).all()
    again = fit(frame[rows])
    assert again.feature_names == encoder.feature_names
    np.testing.assert_allclose(
        again.transform(read_table(frame)).toarray(),
        encoder.transform(read_table(frame)).toarray(),
        rtol=1e-5,
        atol=1e-5,
    )


@LAWS
@given(frames(), frames())
def test_any_other_table_of_these_columns_is_encoded(frame, other):
    features = fit(frame).transform(read_table(other)).toarray()
    assert features.shape[0] == other.height
    assert np.isfinite(features).all()


def features_of(train, test=None, kinds=None):
    table = read_table(pl.DataFrame(train))
    encoder = Encoder.fit(table, infer_columns(table, leave_out={}, given=kinds))
    features = encoder.transform(read_table(pl.DataFrame(train if test is None else test))).toarray()
    return dict(zip(encoder.feature_names, features.T, strict=True))


def test_numbers_are_standardised():
    values = np.array([3.0, 5.0, 7.0, 9.5])
    got = features_of({"a": values})
    np.testing.assert_allclose(got["a"], (values - values.mean()) / values.std(), rtol=1e-6)


def test_numbers_of_1e300_and_of_1e_minus_300_are_standardised_too():
    for unit in (1e300, 1e-300):
        got = features_of({"a": np.array([1.0, 2.0, 3.0]) * unit})
        np.testing.assert_allclose(got["a"], [-np.sqrt(1.5), 0, np.sqrt(1.5)], rtol=1e-6)


def test_missing_and_infinite_numbers_have_a_place_of_their_own():
    got = features_of({"a": [1.0, None, 3.0, float("nan"), float("inf")]})
    np.testing.assert_array_equal(got["a"], np.float32([-1, 0, 1, 0, 0]))
    np.testing.assert_array_equal(got["a missing"], np.float32([0, 1, 0, 1, 1]))


def test_a_category_is_one_hot_with_places_for_missing():
    got = features_of({"a": ["x", "y", None, "x"], "b": [1, 2, 3, 5]})
    assert [n for n in got if n.startswith("a")] == ["a = x", "a = y", "a missing"]
    np.testing.assert_array_equal(got["a = x"], [1, 0, 0, 1])
    np.testing.assert_array_equal(got["a missing"], [0, 0, 1, 0])


def test_of_many_levels_those_of_two_rows_are_kept_and_the_rest_go_to_other():
    words = [f"w{i:02d}" for i in range(45) for _ in range(3)] + ["once", "one", None]
    got = features_of({"a": words})
    assert [n for n in got if n.startswith("a = ")] == [f"a = w{i:02d}" for i in range(45)]
    assert got["a other"].sum() == 2
    assert got["a missing"].sum() == 1
    np.testing.assert_array_equal(sum(got.values()), np.ones(len(words)))


def test_forty_levels_are_kept_in_any_case():
    got = features_of({"a": [f"w{i}" for i in range(60)], "b": range(60)}, kinds={"a": "category"})
    assert sum(n.startswith("a = ") for n in got) == 40


def test_the_more_classes_the_fewer_levels_have_a_place():
    table = read_table(pl.DataFrame({"a": [f"w{i}" for i in range(300)] * 2}))
    encoder = Encoder.fit(table, infer_columns(table, leave_out={}), n_classes=1 << 18)
    assert len(encoder.feature_names) == 65


def test_heavy_tails_are_bent_and_the_usual_value_has_an_indicator():
    values = np.r_[np.zeros(40), np.arange(1.0, 61), 1e6]
    got = features_of({"a": values})
    assert list(got) == ["a", "a = 0"]
    np.testing.assert_array_equal(got["a = 0"], values == 0)
    assert abs(got["a"]).max() < 8
    assert (np.diff(got["a"]) >= 0).all()
    light = features_of({"a": np.arange(100.0)})
    assert list(light) == ["a"]


def test_an_unseen_category_goes_to_other_or_to_nothing():
    few = features_of({"a": ["x", "y", "y"]}, {"a": ["z", "x", None]})
    assert [list(column) for column in few.values()] == [[0, 1, 0], [0, 0, 0]]
    many = features_of({"a": [f"w{i}" for i in range(41)] * 3 + ["once"]}, {"a": ["new"]})
    assert many["a other"] == [1]


def test_other_types_at_prediction_mean_the_same():
    encoder = fit(pl.DataFrame({"n": [1.0, 2.0, 4.0], "c": ["1", "2", "2"]}))
    want = encoder.transform(read_table(pl.DataFrame({"n": [2.0, 4.0], "c": ["1", "2"]}))).toarray()
    as_text = read_table(pl.DataFrame({"n": ["2", "4"], "c": [1.0, 2.0]}))
    assert (encoder.transform(as_text).toarray() == want).all()
    with pytest.raises(DataError, match=r"column 'n', row 1: 'four' is not a number"):
        encoder.transform(read_table(pl.DataFrame({"n": ["2", "four"], "c": ["1", "2"]}))).toarray()


def test_a_missing_column_is_refused_by_name():
    encoder = fit(pl.DataFrame({"income": [1.0, 2.0], "age": [3.0, 5.0]}))
    with pytest.raises(DataError, match=r"no column 'income'.*Did you mean 'incme'\?"):
        encoder.transform(read_table(pl.DataFrame({"incme": [1.0], "age": [2.0]}))).toarray()


def test_no_usable_column_is_refused():
    with pytest.raises(DataError, match=r"no column is left to learn from\. Left out: a \(one value only\)"):
        fit(pl.DataFrame({"a": [1, 1, 1]}))


KINDS = {
    "number": ([1.5, 2.0, None], "number", True),
    "all_different_reals": (list(np.linspace(0, 1, 60)), "number", True),
    "flag": ([True, False, None], "boolean", True),
    "word": (["a", "b", None], "category", True),
    "one value": ([3, 3, 3], "constant", False),
    "one value or missing": ([3, 3, None], "number", True),
    "nothing": ([None, None, None], "empty", False),
    "nan": ([float("nan")] * 3, "empty", False),
    "counting": (list(range(100, 160)), "identifier", False),
    "counting a few": (list(range(30)), "number", True),
    "names": ([f"id-{i}" for i in range(60)], "identifier", False),
    "sentences": ([f"this is sentence {i}" for i in range(60)], "text", True),
    "mostly different": ([f"w{i % 40}" for i in range(60)], "category", True),
    "more different": ([f"w{i % 45}" for i in range(60)], "text", True),
    "dates": ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], "date", True),
    "lists": ([[1], [2, 3]], "list", True),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_follow_the_written_rules(name):
    values, kind, used = KINDS[name]
    table = read_table(pl.DataFrame({name: values}))
    (column,) = infer_columns(table, leave_out={})
    assert (column.kind, column.used) == (kind, used)
    assert used or column.note


def test_a_column_left_out_says_why():
    table = read_table(pl.DataFrame({"a": [1, 2], "b": [3, 4]}))
    columns = infer_columns(table, leave_out={"b": "the target"})
    assert [(c.name, c.used, c.note) for c in columns] == [("a", True, ""), ("b", False, "the target")]


@pytest.mark.parametrize(
    "broken",
    [
        {},
        {"columns": [{}], "image": None},
        {
            "columns": [{"kind": "number", "name": "a", "mean": 0.0, "scale": 0.0, "missing": False}],
            "image": None,
        },
        {
            "columns": [{"kind": "number", "name": "a", "mean": 0.0, "scale": 1.0, "missing": False, "x": 1}],
            "image": None,
        },
        {"columns": [], "image": [1]},
    ],
)
def test_a_schema_of_another_form_is_refused(broken):
    with pytest.raises(BundleError, match="not of the expected form"):
        Encoder.from_json(broken)


def test_two_values_have_no_tails():
    for rare in ([True, *[False] * 99], [7.0, *[0.0] * 99]):
        encoder = fit(pl.DataFrame({"x": rare}))
        assert encoder.feature_names == ("x",)
        assert encoder.codes[0].note == ""
