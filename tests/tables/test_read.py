"""One table, many forms: a file, a frame and an array of the same values are read alike; the rest is refused."""

import datetime
import gzip

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch
from scipy import sparse

from crossentropy.errors import DataError
from crossentropy.tables import read_table

FRAME = pl.DataFrame(
    {
        "whole": [1, 2, None, 4],
        "real": [0.5, None, -1e300, 3.0],
        "flag": [True, None, False, True],
        "word": ["a", "b", None, 'ü, "quoted"\nand broken'],
    }
)


def test_a_file_says_what_the_frame_says(tmp_path):
    FRAME.write_csv(tmp_path / "t.csv")
    FRAME.write_csv(tmp_path / "t.tsv", separator="\t")
    FRAME.write_parquet(tmp_path / "t.parquet")
    for name in ("t.csv", "t.tsv", "t.parquet"):
        table = read_table(tmp_path / name)
        assert table.frame.equals(FRAME), name
        assert table.name == str(tmp_path / name)
        assert read_table(str(tmp_path / name)).digest == table.digest


def test_a_byte_order_mark_is_no_part_of_the_first_name(tmp_path):
    (tmp_path / "t.csv").write_bytes("﻿a,b\n1,2\n".encode())
    assert read_table(tmp_path / "t.csv").frame.columns == ["a", "b"]


@pytest.mark.parametrize("marker", ["", "NA", "N/A", "NaN", "nan", "null", "NULL", "None", "<NA>", "#N/A"])
def test_what_pandas_reads_as_missing_is_missing(tmp_path, marker):
    path = tmp_path / "t.csv"
    path.write_text(f"a,b\n1,x\n{marker},{marker}\n3,y\n")
    ours, theirs = read_table(path).frame, pd.read_csv(path)
    assert ours["a"].to_list() == [1, None, 3]
    assert ours["b"].is_null().to_list() == theirs["b"].isna().to_list() == [False, True, False]


def test_a_pandas_frame_keeps_its_values():
    frame = pd.DataFrame(
        {
            "whole": [1, 2, 3],
            "nullable": pd.array([1, None, 3], dtype="Int64"),
            "real": [0.5, np.nan, 2.0],
            "flag": [True, False, True],
            "maybe": pd.array([True, None, False], dtype="boolean"),
            "word": ["a", None, "c"],
            "level": pd.Categorical(["u", None, "v"]),
            "day": pd.to_datetime(["2020-01-01", None, "2021-01-01"]),
            "mixed": [1, "x", None],
        },
        index=[7, 8, 9],
    )
    read = read_table(frame).frame
    assert read["whole"].to_list() == [1, 2, 3]
    assert read["nullable"].to_list() == [1, None, 3]
    assert read["real"].to_list() == [0.5, None, 2.0]
    assert read["flag"].to_list() == [True, False, True]
    assert read["maybe"].to_list() == [True, None, False]
    assert read["word"].to_list() == ["a", None, "c"]
    assert read["level"].to_list() == ["u", None, "v"]
    assert read["day"].to_list() == [datetime.datetime(2020, 1, 1), None, datetime.datetime(2021, 1, 1)]
    assert read["mixed"].to_list() == ["1", "x", None]


def test_arrays_and_images():
    array = np.arange(24.0).reshape(2, 12)
    flat = read_table(array)
    assert flat.frame.columns == [f"x{j}" for j in range(12)]
    assert (flat.frame.to_numpy() == array).all()
    images = read_table(array.reshape(2, 3, 4))
    assert images.image == (3, 4)
    assert images.frame.columns[:5] == ["pixel_0_0", "pixel_0_1", "pixel_0_2", "pixel_0_3", "pixel_1_0"]
    assert (images.frame.to_numpy() == array).all()


def test_a_lazy_frame_is_collected():
    assert read_table(FRAME.lazy()).frame.equals(FRAME)


@pytest.mark.parametrize(
    ("name", "rows", "target"),
    [
        ("digits", 1797, "digit"),
        ("iris", 150, "species"),
        ("wine", 178, "cultivar"),
        ("breast_cancer", 569, "diagnosis"),
    ],
)
def test_sets_that_come_with_scikit_learn(name, rows, target):
    table = read_table(f"sklearn:{name}")
    assert table.frame.height == rows
    assert table.target == target == table.frame.columns[-1]


def test_the_digest_follows_the_values():
    same = read_table(FRAME).digest
    assert read_table(FRAME.clone()).digest == same
    assert read_table(FRAME.reverse()).digest != same
    assert read_table(FRAME.rename({"whole": "all"})).digest != same
    assert read_table(FRAME.with_columns(pl.col("real").fill_null(0.0))).digest != same


def test_a_target_given_as_values_becomes_a_column():
    table = read_table(np.zeros((3, 2))).with_column("target", np.array(["a", "b", "a"]))
    assert table.frame["target"].to_list() == ["a", "b", "a"]
    with pytest.raises(DataError, match="has 3 rows, but 'y' has 2 values"):
        table.with_column("y", [1, 2])
    with pytest.raises(DataError, match="has a column 'x0' already"):
        table.with_column("x0", [1, 2, 3])


def refusals(tmp_path):
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "header.csv").write_text("a,b\n")
    (tmp_path / "twice.csv").write_text("a,b,a\n1,2,3\n")
    (tmp_path / "ragged.csv").write_text("a,b\n1,2\n3,4,5\n")
    (tmp_path / "zero.csv").write_bytes(b"a,b\n1,2\n3,\x00\n")
    (tmp_path / "quote.csv").write_text("a,b\n" + '1,"a word or two"\n' * 20_000 + '2,"y\n3,z\n')
    (tmp_path / "random.csv").write_bytes(bytes(range(1, 256)) * 20)
    (tmp_path / "odd").mkdir()
    (tmp_path / "odd" / "1.csv").write_text("a,b\n1,2\n")
    (tmp_path / "odd" / "2.csv").write_text("a,c\n1,2\n")
    (tmp_path / "cut.csv.gz").write_bytes(gzip.compress(b"a,b\n1,2\n" * 99)[:-20])
    (tmp_path / "sheet.csv").write_bytes(b"PK\x03\x04....")
    (tmp_path / "bad.jsonl").write_text('{"a": 1}\n\n{"a": }\n')
    (tmp_path / "list.jsonl").write_text('{"a": 1}\n[1]\n')
    (tmp_path / "not.parquet").write_bytes(b"PAR1 this is not")
    (tmp_path / "data.xls").write_text("a")
    (tmp_path / "nothing").mkdir()
    (tmp_path / "people.csv").write_text("a\n1\n")
    return {
        tmp_path / "empty.csv": "the file is empty",
        tmp_path / "header.csv": "has 0 rows and 2 columns",
        tmp_path / "twice.csv": "the column name 'a' occurs twice",
        tmp_path / "ragged.csv": "line 3 has 3 fields, the first line 2",
        tmp_path / "zero.csv": "a zero byte in line 3",
        tmp_path / "quote.csv": "line 20002: a quote is opened and never closed",
        tmp_path / "random.csv": "it holds control characters",
        tmp_path / "odd": "1.csv has 'b', ",
        tmp_path / "cut.csv.gz": "cannot be unpacked",
        tmp_path / "sheet.csv": "is a zip archive or a spreadsheet",
        tmp_path / "bad.jsonl": "line 3: not JSON",
        tmp_path / "list.jsonl": "line 2: holds no JSON object",
        tmp_path / "no*.csv": "no file matches",
        tmp_path / "a\0b.csv": "no such file",
        "/dev/null": "is neither a file nor a folder",
        tmp_path / "not.parquet": "cannot be read as parquet",
        tmp_path / "peple.csv": "no such file. Did you mean 'people.csv'?",
        tmp_path / "data.xls": "has 0 rows and 1 columns",
        tmp_path / "people.cvs": "no such file. Did you mean 'people.csv'?",
        tmp_path / "nothing": "the folder holds no tables",
        "sklearn:digit": "Did you mean 'digits'?",
        3: "an array of shape () cannot be read",
        "nothing": "nothing: no such file",
    }


def test_what_cannot_be_read_is_refused_in_one_line(tmp_path):
    cases = refusals(tmp_path)
    for source, said in cases.items():
        with pytest.raises(DataError) as caught:
            read_table(source)
        message = str(caught.value)
        assert said.lower() in message.lower()
        assert "\n" not in message
    with pytest.raises(DataError, match="cannot be read as a table"):
        read_table({"a": [1]})
    with pytest.raises(DataError, match="'a' occurs twice"):
        read_table(pd.DataFrame([[1, 2]], columns=["a", "a"]))
    with pytest.raises(DataError, match=r"shape \(2, 2, 2, 2\)"):
        read_table(np.zeros((2, 2, 2, 2)))


class Stream:
    """What any Arrow library exports."""

    def __init__(self, frame):
        self.frame = frame

    def __arrow_c_stream__(self, requested_schema=None):
        return self.frame.__arrow_c_stream__(requested_schema)


ARRAY = np.array([[0.0, 1.5], [2.0, 0.0], [0.0, 0.0]])
IN_MEMORY = {
    "an Arrow table": (lambda: Stream(FRAME), FRAME),
    "a sparse matrix": (lambda: sparse.csr_matrix(ARRAY), ARRAY),
    "a sparse array": (lambda: sparse.coo_array(ARRAY), ARRAY),
    "a tensor": (lambda: torch.tensor(ARRAY, requires_grad=True), ARRAY),
    "a bfloat16 tensor": (lambda: torch.tensor(ARRAY, dtype=torch.bfloat16), ARRAY),
    "half precision": (lambda: ARRAY.astype(np.float16), ARRAY),
    "lists": (lambda: ARRAY.tolist(), ARRAY),
    "a transposed view": (lambda: np.asfortranarray(ARRAY)[::-1][::-1], ARRAY),
    "sparse columns of pandas": (lambda: pd.DataFrame(ARRAY).astype(pd.SparseDtype(float, 0.0)), ARRAY),
    "an array of objects": (lambda: np.array([[1, "a"], [2, None]], dtype=object), [(1, "a"), (2, None)]),
    "an array of strings": (lambda: np.array([["x", "a"], ["y", "b"]]), [("x", "a"), ("y", "b")]),
}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_what_is_in_memory_is_read_as_it_is(name):
    make, want = IN_MEMORY[name]
    found = read_table(make()).frame
    if isinstance(want, list):
        assert found.rows() == want
    elif isinstance(want, pl.DataFrame):
        assert found.equals(want)
    else:
        np.testing.assert_array_equal(found.to_numpy(), want)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: pd.Series([1, 2]), "A pandas Series cannot be read"),
        (lambda: [[1], [2, 3]], "of equal length; the values to predict go apart, as target="),
        (lambda: None, "Data of type NoneType"),
        (lambda: np.ones((2, 2), complex), "cannot be read as a table"),
        (lambda: np.ones((0, 3)), "has 0 rows and 3 columns"),
        (lambda: torch.tensor(3.0), r"shape \(\)"),
        (lambda: sparse.csr_matrix((10**6, 10**6)), "would take 7451 GiB"),
    ],
)
def test_what_is_in_memory_and_no_table_is_refused(make, said):
    with pytest.raises(DataError, match=said):
        read_table(make())
