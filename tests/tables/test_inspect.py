"""Inspection tells any column there can be, and its data become JSON."""

import datetime
import json

import polars as pl
import pytest

from crossentropy.errors import TargetError
from crossentropy.tables import inspect_table, read_table

ODD = {
    "bytes": pl.Series([b"a", b"\xff", None], dtype=pl.Binary),
    "lists": pl.Series([[1], [2], None]),
    "records": pl.Series([{"a": 1}, {"a": 2}, None]),
    "levels": pl.Series(["a", "b", None], dtype=pl.Categorical),
    "dates": pl.Series([datetime.date(2020, 1, 1), None, None]),
    "spans": pl.Series([datetime.timedelta(1), None, None]),
    "nothing": pl.Series([None, None, None]),
    "infinite": pl.Series([float("inf"), float("nan"), None]),
    "objects": pl.Series([object(), object(), None], dtype=pl.Object),
    "beyond 64 bits": pl.Series([2**80, 1, None], dtype=pl.Int128),
    "markup\nand lines": pl.Series(["<b>", "x\ny", "y"]),
}


@pytest.mark.parametrize("name", ODD)
def test_any_column_is_told(name):
    found = inspect_table(read_table(pl.DataFrame({name: ODD[name]})))
    (column,) = json.loads(found.model_dump_json())["columns"]
    assert column["name"] == name
    assert column["missing"] >= ODD[name].null_count()
    assert column["note"] or column["kind"] in ("number", "category")


def test_the_evidence_is_that_of_the_column():
    frame = pl.DataFrame(
        {"n": [1.5, None, -2.0, 1.5], "c": ["u", "v", "u", None], "y": ["a", "a", "b", None]}
    )
    found = inspect_table(read_table(pl.concat([frame, frame[:1]])), target="y")
    n, c = found.columns
    assert (n.kind, n.missing, n.distinct, n.low, n.high) == ("number", 1, 2, -2.0, 1.5)
    assert (c.kind, [(v.value, v.rows) for v in c.levels]) == ("category", [("u", 3), ("v", 1)])
    assert [(v.value, v.rows) for v in found.classes] == [("a", 3), ("b", 1)]
    assert found.notes == (
        "1 rows have no target.",
        "Classes with fewer than 5 rows: a, b.",
        "1 rows repeat an earlier one in every column.",
    )
    with pytest.raises(TargetError, match="looks continuous"):
        inspect_table(read_table(frame), target="n")
