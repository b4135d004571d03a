"""The written rules at their edges, and what a careless change to a reader would lose."""

import hashlib
import json

import numpy as np
import pandas as pd
import polars as pl
import pytest

from crossentropy.errors import DataError, TargetError
from crossentropy.tables import Encoder, class_ids, infer_columns, read_table, read_targets


def fit(frame):
    table = read_table(frame)
    return Encoder.fit(table, infer_columns(table, leave_out={}))


def column(values):
    (found,) = infer_columns(read_table(pl.DataFrame({"a": values})), leave_out={})
    return found


WORDS = [f"w{i}" for i in range(2000)]
KINDS = {
    "40 integers that count": (list(range(40)), "number"),
    "41 integers that count": (list(range(41)), "identifier"),
    "41 that count and one twice": ([*range(41), 7], "number"),
    "41 integers with gaps, closer than two a row": ([2 * i for i in range(41)], "identifier"),
    "41 integers further apart": ([3 * i for i in range(41)], "number"),
    "41 counts as reals": ([float(i) for i in range(41)], "number"),
    "40 words, all different": (WORDS[:40], "category"),
    "41 words, all different": (WORDS[:41], "identifier"),
    "95 of 100 words differ": (WORDS[:95] + ["w0"] * 5, "text"),
    "96 of 100 words differ": (WORDS[:96] + ["w0"] * 4, "identifier"),
    "50 of 100 words differ": (WORDS[:50] * 2, "category"),
    "51 of 100 words differ": (WORDS[:51] + ["w0"] * 49, "text"),
    "45 of 90 differ, 3 words each": ([f"{w} and so" for w in WORDS[:45]] * 2, "text"),
    "45 of 90 differ, 2 words each": ([f"{w} so" for w in WORDS[:45]] * 2, "category"),
    "40 sentences": ([f"{w} and so on" for w in WORDS[:40]], "category"),
    "one word": (["w"] * 5, "constant"),
    "one word or missing": (["w", None], "category"),
    "one number or NaN": ([1.0, float("nan")], "number"),
    "infinite or missing": ([float("inf"), None, float("nan")], "empty"),
    "one flag or missing": ([True, None], "boolean"),
    "one flag": ([True, True], "constant"),
}


@pytest.mark.parametrize("name", KINDS)
def test_kinds_at_the_edges_of_the_rules(name):
    values, kind = KINDS[name]
    assert column(values).kind == kind


def test_missing_values_are_counted_with_nan_and_infinity():
    found = column([1.0, None, float("nan"), float("inf"), float("-inf"), 2.0])
    assert found.missing == 4
    assert found.note == "2 infinite values are treated as missing"
    assert column([1.0, 2.0, None]).note == ""


def test_levels_of_equal_frequency_are_chosen_by_name_whatever_the_order_of_rows():
    # 60 levels, 30 of them twice as frequent: the last ten places are decided by a tie
    values = [f"w{i:02d}" for i in range(60)] + [f"w{i:02d}" for i in range(0, 60, 2)] + ["w00"] * 60
    want = fit(pl.DataFrame({"a": values})).codes[0]
    assert set(want.levels) == {f"w{i:02d}" for i in range(0, 60, 2)} | {f"w{i:02d}" for i in range(1, 21, 2)}
    assert want.other
    rng = np.random.default_rng(0)
    for _ in range(10):
        assert fit(pl.DataFrame({"a": rng.permutation(values)})).codes[0] == want


def test_each_cell_of_a_category_has_one_place():
    words = [f"w{i % 45}" for i in range(180)] + ["once"] + [None] * 3
    encoder = fit(pl.DataFrame({"a": words}))
    other, missing = encoder.feature_names[-2:]
    assert (other, missing) == ("a other", "a missing")
    got = encoder.transform(read_table(pl.DataFrame({"a": ["w0", "new", None]}))).toarray()
    assert got.sum(axis=1).tolist() == [1, 1, 1]
    assert got[:, -2:].tolist() == [[0, 0], [1, 0], [0, 1]]


def test_a_number_far_from_all_others_is_kept_in_range():
    encoder = fit(pl.DataFrame({"a": [0.0, 1.0, 2.0]}))
    got = encoder.transform(read_table(pl.DataFrame({"a": [10.0, 1e300, -1e300]}))).toarray()[:, 0]
    np.testing.assert_allclose(got, [9 / np.sqrt(2 / 3), 1e4, -1e4], rtol=1e-6)


def test_a_value_that_is_no_number_is_named_by_its_own_row():
    encoder = fit(pl.DataFrame({"n": [1.0, 2.0]}))
    with pytest.raises(DataError, match="column 'n', row 2: 'four' is not a number"):
        encoder.transform(read_table(pl.DataFrame({"n": [None, "2", "four", "five"]}))).toarray()


def test_a_reloaded_encoder_knows_the_shape_of_its_images():
    encoder = fit(np.random.default_rng(0).random((5, 2, 3)))
    assert encoder.image == (2, 3)
    assert Encoder.from_json(json.loads(json.dumps(encoder.to_json()))).image == (2, 3)


def test_the_kind_of_a_csv_column_is_that_of_all_its_rows(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n" + "1,2\n" * 5000 + "x,2.5\n")
    frame = read_table(tmp_path / "t.csv").frame
    assert frame.schema == {"a": pl.String, "b": pl.Float64}
    assert frame.row(5000) == ("x", 2.5)


def test_a_suffix_may_be_in_capitals_and_a_name_may_hold_brackets(tmp_path):
    frame = pl.DataFrame({"a": [1, 2]})
    for name in ("T.CSV", "data[1].csv", "star*.csv"):
        frame.write_csv(tmp_path / name)
        assert read_table(tmp_path / name).frame.equals(frame)
    for name in ("T.PARQUET", "data[1].parquet", "star*.parquet"):
        frame.write_parquet(tmp_path / name)
        assert read_table(tmp_path / name).frame.equals(frame)


def test_the_digest_of_a_file_is_the_sha_256_of_its_bytes(tmp_path):
    for name in ("one.csv", "two.csv"):
        (tmp_path / name).write_text("a,b\n1,2\n")
        assert read_table(tmp_path / name).digest == hashlib.sha256(b"a,b\n1,2\n").hexdigest()


def test_the_digest_follows_a_target_given_as_values():
    table = read_table(np.zeros((3, 2)))
    one, again, other = (table.with_column("y", v).digest for v in ([0, 1, 0], [0, 1, 0], [0, 1, 1]))
    assert one == again
    assert len({table.digest, one, other}) == 3


def test_classes_of_sets_are_names_and_digits_are_images():
    assert read_targets(read_table("sklearn:iris"), "species").classes == (
        "setosa",
        "versicolor",
        "virginica",
    )
    assert read_targets(read_table("sklearn:breast_cancer"), "diagnosis").classes == ("benign", "malignant")
    digits = read_table("sklearn:digits")
    assert read_targets(digits, "digit").classes == tuple(range(10))
    assert digits.image == (8, 8)
    assert digits.frame.columns[:9:8] == ["pixel_0_0", "pixel_1_0"]
    assert read_table("sklearn:iris").image is None


def test_missing_numbers_of_pandas_stay_missing():
    frame = pd.DataFrame({"a": pd.array([1.5, None, 0.0], dtype="Float64"), "b": [np.nan, 0.0, -0.5]})
    assert read_table(frame).frame.rows() == [(1.5, None), (None, 0.0), (0.0, -0.5)]


def test_many_classes_are_classes_when_rows_are_many():
    values = list(range(51)) * 2
    assert read_targets(read_table(pl.DataFrame({"y": values})), "y").classes == tuple(range(51))
    assert len(read_targets(read_table(pl.DataFrame({"y": list(range(50))})), "y").classes) == 50
    with pytest.raises(TargetError, match="51 distinct values in 101 rows"):
        read_targets(read_table(pl.DataFrame({"y": values[:-1]})), "y")


def test_a_continuous_target_is_shown_by_a_row_that_is_no_class():
    with pytest.raises(TargetError, match=r"row 2: 1\.5"):
        read_targets(read_table(pl.DataFrame({"y": [7.0, None, 1.5, 2.5]})), "y")


def test_a_class_that_is_missing_has_no_id():
    table = read_table(pl.DataFrame({"y": ["a", None, "b", "c"]}))
    assert class_ids(table, "y", ("a", "b")).tolist() == [0, -1, 1, -1]


def test_n_slash_a_is_missing_and_a_byte_order_mark_hides_no_second_name(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,x\nn/a,n/a\n")
    assert read_table(tmp_path / "t.csv").frame.rows() == [(1, "x"), (None, None)]
    (tmp_path / "t.csv").write_bytes("\ufeffa,a\n1,2\n".encode())
    with pytest.raises(DataError, match="the column name 'a' occurs twice"):
        read_table(tmp_path / "t.csv")


def test_booleans_are_found_in_a_column_of_text():
    table = read_table(pl.DataFrame({"y": ["True", "False", "maybe", None]}))
    assert class_ids(table, "y", (False, True)).tolist() == [1, 0, -1, -1]
