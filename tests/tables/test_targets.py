"""The target column: classes keep their type, what is no class is refused."""

import datetime

import numpy as np
import polars as pl
import pytest

from crossentropy.errors import DataError, TargetError
from crossentropy.tables import class_ids, read_table, read_targets


def table(values):
    return read_table(pl.DataFrame({"y": values, "x": range(len(values))}))


@pytest.mark.parametrize(
    ("values", "classes", "ids"),
    [
        ([2, 0, 7], (0, 2, 7), [1, 0, 2]),
        ([2.0, 0.0, None], (0, 2), [1, 0, -1]),
        ([1.0, float("nan"), 3.0], (1, 3), [0, -1, 1]),
        ([True, False, None], (False, True), [1, 0, -1]),
        (["b", "a", "b"], ("a", "b"), [1, 0, 1]),
        (pl.Series(["b", "a", None], dtype=pl.Categorical), ("a", "b"), [1, 0, -1]),
    ],
)
def test_classes_are_sorted_and_keep_their_type(values, classes, ids):
    targets = read_targets(table(values), "y")
    assert targets.classes == classes
    assert [type(c) for c in targets.classes] == [type(c) for c in classes]
    assert targets.ids.tolist() == ids


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([0.5, 1.5, 1.0], "looks continuous (row 0: 0.5)"),
        ([1.0, float("inf"), 2.0], "looks continuous (row 1: inf)"),
        (list(range(60)), "60 distinct values in 60 rows"),
        ([f"row {i}" for i in range(60)], "60 distinct values in 60 rows"),
        ([None, None], "missing in every row"),
        ([3, 3, None], "one class only (3), and is missing in 1 of 3 rows"),
        ([datetime.date(2020, 1, 1), datetime.date(2020, 1, 2)], "has type Date"),
        ([[1], [2]], "has type List"),
    ],
)
def test_what_is_no_class_is_refused(values, said):
    with pytest.raises(TargetError) as caught:
        read_targets(table(values), "y")
    assert said in str(caught.value)


def test_no_such_column():
    with pytest.raises(DataError, match=r"no column 'Y' \(the target\)\. Did you mean 'y'\?"):
        read_targets(table([1, 2]), "Y")


def test_known_classes_are_found_whatever_the_type_of_the_column():
    assert class_ids(table(["7", "x", None, "2"]), "y", (2, 7)).tolist() == [1, -1, -1, 0]
    assert class_ids(table([7, 2, 9]), "y", ("2", "7")).tolist() == [1, 0, -1]
    assert class_ids(table([7.0, np.nan]), "y", (2, 7)).tolist() == [1, -1]
