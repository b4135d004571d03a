"""What people tried by hand to have a table misread: each is read as it was meant, or refused where it cannot be."""

import contextlib
import gzip
import io
import json
import os
import threading

import numpy as np
import pandas as pd
import polars as pl
import pytest
import torch

from crossentropy.errors import DataError
from crossentropy.tables import (
    Encoder,
    Reading,
    class_ids,
    infer_columns,
    inspect_table,
    read_table,
    read_targets,
)
from crossentropy.tables import _files as files

RUSSIAN = "имя,вес\nИван,1.5\nПётр,2.5\n"
JAPANESE = "名前,値\n東京,1.5\n大阪,2.5\n"
PRICE = "a,b\n{},1\n{},2\n"

# name -> the bytes, the names, the rows
READ = {
    "UTF-16 of another alphabet": (
        JAPANESE.encode("utf-16-le"),
        ["名前", "値"],
        [("東京", 1.5), ("大阪", 2.5)],
    ),
    "UTF-16, the other end first": (
        RUSSIAN.encode("utf-16-be"),
        ["имя", "вес"],
        [("Иван", 1.5), ("Пётр", 2.5)],
    ),
    "two files with marks, joined": (
        b"\xef\xbb\xbfa,b\n1,2\n\xef\xbb\xbf3,4\n",
        ["a", "b"],
        [(1, 2), (3, 4)],
    ),
    "returns, and a newline at the end": (b"a,b\r1,2\r3,4\n", ["a", "b"], [(1, 2), (3, 4)]),
    "a return inside of a field": (b"a,b\n1,x\ry\n3,z\n", ["a", "b"], [(1, "x\ry"), (3, "z")]),
    "the separator announced": (b"sep=;\r\na;b\r\n1,5;2\r\n", ["a", "b"], [(1.5, 2)]),
    "columns aligned by blanks": (b"  a    b   c\n  1  2.5   x\n 10 12.5  yy\n", ["a", "b", "c"], 2),
    "aligned alike in every line": (
        b"a   b    c\n1   2    3\n4   5    6\n",
        ["a", "b", "c"],
        [(1, 2, 3), (4, 5, 6)],
    ),
    "two blanks around nothing": (b"a b c\n1  3\n4 5 6\n7 8 9\n1 2 3\n", ["a", "b", "c"], 4),
    "a quoted field beyond 128 KiB": (b'a,b\n"' + b"x\n" * 150_000 + b'",1\ny,2\n', ["a", "b"], 2),
    "digits grouped in Switzerland": (
        PRICE.format("1'234.5", "12").encode(),
        ["a", "b"],
        [(1234.5, 1), (12.0, 2)],
    ),
    "digits grouped in India": (
        PRICE.format('"12,34,567"', '"1,234"').encode(),
        ["a", "b"],
        [(1234567.0, 1), (1234.0, 2)],
    ),
    "the minus of typesetters": (PRICE.format("\u22121.5", "2").encode(), ["a", "b"], [(-1.5, 1), (2.0, 2)]),
    "nothing in databases and in C": (
        b"a,b\n\\N,1\n1.#QNAN,2\n-nan,3\n4,4\n",
        ["a", "b"],
        [(None, 1), (None, 2), (None, 3), (4, 4)],
    ),
    "JSON lines in UTF-16": ('{"a": 1}\n{"a": 2}\n'.encode("utf-16"), ["a"], [(1,), (2,)]),
    "JSON of booleans and numbers": (
        b'{"a": true}\n{"a": 1}\n{"a": [1]}\n',
        ["a"],
        [("true",), ("1",), ("[1]",)],
    ),
}


@pytest.mark.parametrize("name", READ)
def test_an_odd_text_is_read_as_it_was_meant(tmp_path, name):
    content, names, rows = READ[name]
    (tmp_path / "t.csv").write_bytes(content)
    frame = read_table(tmp_path / "t.csv").frame
    assert frame.columns == names
    assert frame.height == rows if isinstance(rows, int) else frame.rows() == rows


def test_blanks_that_align_hide_no_missing_value(tmp_path):
    (tmp_path / "t.csv").write_text("a b c\n" + "1  3\n" + "4 5 6\n" * 9)
    assert read_table(tmp_path / "t.csv").frame.row(0) == (1, None, 3)


UTF8 = "a,b\nMüller,1\nÅse,2\n".encode()
REFUSED = {
    "Cyrillic": (
        RUSSIAN.encode("cp1251"),
        "line 1: the text is neither UTF-8 nor in a western European encoding",
    ),
    "Japanese": (JAPANESE.encode("shift_jis"), "Give the encoding it is in"),
    "Macintosh": (
        "a,b\nÅse,1\n".encode("mac_roman"),
        "line 2: the text is neither UTF-8 nor Windows-1252",
    ),
    "ISO-2022": (JAPANESE.encode("iso2022_jp"), "control characters"),
    "UTF-8 with a broken byte": (UTF8 + b"M\xfcller,3\n", "line 4: the text is UTF-8, but damaged there"),
    "LIBSVM": (b"1 1:0.5 3:2\n-1 2:1\n", "is in the format of LIBSVM"),
    "HTML behind a mark": (b"\xef\xbb\xbf<!DOCTYPE html><html>", "is a page of HTML"),
    "a pickle": (b"\x80\x05\x95\x00", "is a pickle"),
    "lines of JSON arrays": (b"[1, 2]\n[3, 4]\n", "line 1: holds no JSON object"),
    "a key twice": (b'{"a": 1, "b": 2}\n{"a": 1, "a": 2}\n', "line 2: not JSON (the key 'a' occurs twice)"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_read_as_meant_is_refused(tmp_path, name):
    content, said = REFUSED[name]
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(DataError) as caught:
        read_table(tmp_path / "t.csv")
    assert said in str(caught.value)


def test_a_control_character_may_separate_if_it_is_given(tmp_path):
    (tmp_path / "t.csv").write_bytes(b"a\x1fb\n1\x1f2\n")
    assert read_table(tmp_path / "t.csv", Reading(separator="\x1f")).frame.rows() == [(1, 2)]


def test_accents_alone_are_windows_and_the_encoding_of_training_is_believed(tmp_path):
    (tmp_path / "t.csv").write_bytes("a,b\n•••••,1\n1\xa0\xa0\xa0,2\n".encode("cp1252"))
    assert read_table(tmp_path / "t.csv").frame["a"].to_list() == ["•••••", "1"]
    (tmp_path / "t.csv").write_bytes("a,b\né,1\nè,2\nñ,3\n".encode("cp1252"))
    assert read_table(tmp_path / "t.csv").frame["a"].to_list() == ["é", "è", "ñ"]
    (tmp_path / "t.csv").write_bytes(RUSSIAN.encode("cp1251"))
    table = read_table(tmp_path / "t.csv", Reading(encoding="cp1251"))
    encoder = Encoder.fit(table, infer_columns(table, leave_out={}))
    assert read_table(tmp_path / "t.csv", expected=encoder.expected).frame.equals(table.frame)


@pytest.mark.parametrize("values", [("45%", "0.5"), ("$1.50", "€2.50")])
def test_numbers_of_different_units_are_no_column_of_numbers(tmp_path, values):
    (tmp_path / "t.csv").write_text(PRICE.format(*values))
    table = read_table(tmp_path / "t.csv")
    assert table.frame["a"].to_list() == list(values)
    (note,) = table.notes
    assert "column 'a' mixes units" in note
    with pytest.raises(DataError, match=r"column 'a' mixes units.* in line 2"):
        Encoder.fit(table, infer_columns(table, leave_out={}, given={"a": "number"}))


def test_a_sign_on_some_numbers_only_is_that_of_all_but_for_percent(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n$1.50,45%\n2,0\n?,\n")
    assert read_table(tmp_path / "t.csv").frame.rows() == [(1.5, 45.0), (2.0, 0.0), (None, None)]


def test_a_few_values_that_turn_a_column_of_numbers_into_text_are_said(tmp_path):
    lines = [f"{i / 2},x" for i in range(50)]
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *lines, "12 km,x", ""]))
    table = read_table(tmp_path / "t.csv")
    assert table.frame["a"].dtype == pl.String
    assert (
        "column 'a' is read as text for 1 of its 51 values, which are no numbers: '12 km'." in table.notes[0]
    )
    (tmp_path / "t.csv").write_text("\n".join(["a,b", *lines, "#DIV/0!,x", ""]))
    table = read_table(tmp_path / "t.csv")
    assert (table.frame["a"].dtype, table.frame["a"].null_count()) == (pl.Float64, 1)
    assert "'#DIV/0!' among numbers was read as missing" in table.notes[0]


@pytest.mark.parametrize("form", ["gzip", "pipe"])
def test_what_never_ends_is_refused_before_memory_does(tmp_path, monkeypatch, form):
    monkeypatch.setattr(files, "memory_limit", lambda: 9_000_000)
    path = tmp_path / "t.csv.gz"
    content = b"a,b\n" + b"1,2\n" * (6 << 20)
    if form == "gzip":
        path.write_bytes(gzip.compress(content, 1))
    else:
        os.mkfifo(path)

        def write():
            with contextlib.suppress(BrokenPipeError), path.open("wb") as stream:
                while True:
                    stream.write(content)

        threading.Thread(target=write).start()
    with pytest.raises(DataError, match="GiB, a third of the memory that there is"):
        read_table(path)


def test_a_file_that_changes_while_it_is_read_is_refused(tmp_path, monkeypatch):
    path = tmp_path / "t.csv"
    path.write_text("a,b\n1,2\n")
    whole = files._whole

    def slow(stream, name):
        content = whole(stream, name)
        with path.open("a") as more:
            more.write("3,")
        return content

    monkeypatch.setattr(files, "_whole", slow)
    with pytest.raises(DataError, match="changed while it was read"):
        read_table(path)


def test_links_that_lead_nowhere_are_named(tmp_path):
    (tmp_path / "a.csv").write_text("a,b\n1,2\n")
    (tmp_path / "b.csv").symlink_to("gone")
    with pytest.raises(DataError, match=r"b\.csv: is a link that leads nowhere"):
        read_table(tmp_path / "b.csv")
    with pytest.raises(DataError, match=r"b\.csv: cannot be read"):
        read_table(tmp_path)
    with pytest.raises(DataError, match="The path is empty"):
        read_table("")


IN_MEMORY = {
    "a time with a zone": (lambda: pd.DataFrame({"a": pd.date_range("2020", periods=2, tz="UTC")}), None),
    "a masked array": (lambda: np.ma.array([[1.0], [2.0]], mask=[[0], [1]]), [1.0, float("nan")]),
    "a masked array of integers": (lambda: np.ma.array([[1], [2]], mask=[[0], [1]]), [1.0, float("nan")]),
    "NumPy numbers as objects": (
        lambda: pd.DataFrame({"a": np.array([np.float32(1), np.int64(2)], object)}),
        [1, 2],
    ),
    "long doubles": (lambda: pd.DataFrame({"a": np.array([1, 2], np.longdouble)}), [1.0, 2.0]),
    "half a character": (lambda: pd.DataFrame({"a": ["\ud800", "x"]}), ["?", "x"]),
    "objects that have no hash": (
        lambda: pd.DataFrame({"a": [pd.Series([1]), None]}),
        ["0    1\ndtype: int64", None],
    ),
    "booleans among numbers": (lambda: pd.DataFrame({"a": [True, "x"]}), ["true", "x"]),
    "a sparse tensor": (lambda: torch.tensor([[0.0], [2.0]]).to_sparse(), [0.0, 2.0]),
    "eight-bit floats": (lambda: torch.tensor([[1.0], [2.0]]).to(torch.float8_e4m3fn), [1.0, 2.0]),
    "16-bit integers": (lambda: torch.tensor([[1], [2]], dtype=torch.int16), [1, 2]),
}


@pytest.mark.parametrize("name", IN_MEMORY)
def test_odd_things_in_memory_are_read(name):
    make, values = IN_MEMORY[name]
    (column,) = read_table(make()).frame.get_columns()
    assert values is None or column.to_list() == pytest.approx(values, nan_ok=True)


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: torch.ones(2, 2, device="meta"), "on meta"),
        (
            lambda: torch.sparse_coo_tensor(torch.empty(2, 0), [], (10**6, 10**6), check_invariants=True),
            "would take",
        ),
        (lambda: pl.LazyFrame({"a": [1]}).select("z"), "cannot be collected"),
        (lambda: np.array([(1, 2.0)], [("a", int), ("b", float)]), "Data of type ndarray of [('a'"),
    ],
)
def test_what_has_no_values_is_refused(make, said):
    with pytest.raises(DataError) as caught:
        read_table(make())
    assert said in str(caught.value)


def test_classes_are_the_same_whatever_the_source_wrote_around_them():
    blanks = read_table(pl.DataFrame({"y": [" yes", "yes ", "no", "", None]}))
    assert read_targets(blanks, "y").classes == ("no", "yes")
    assert read_targets(blanks, "y").ids.tolist() == [1, 1, 0, -1, -1]
    reals = read_table(pl.DataFrame({"y": ["1.0", "0.0", "x"]}))
    assert class_ids(reals, "y", (0, 1)).tolist() == [1, 0, -1]
    for dtype, big in ((pl.UInt64, 2**64 - 1), (pl.Int128, 2**100)):
        table = read_table(pl.DataFrame({"y": [big, 1]}, {"y": dtype}))
        assert read_targets(table, "y").classes == ("1", str(big))


def test_text_of_any_source_is_encoded_alike():
    frame = pl.DataFrame({"c": ["u", "v", None, "u"], "n": ["1.5", "2", "NA", "4"]})
    table = read_table(frame)
    encoder = Encoder.fit(table, infer_columns(table, leave_out={}, given={"n": "number"}))
    same = pl.DataFrame({"c": [" u", "v ", " ", "u"], "n": [" 1.5", "2", "", "4"]})
    assert np.array_equal(encoder.transform(read_table(same)).toarray(), encoder.transform(table).toarray())


def test_keys_that_repeat_later_than_the_first_line_are_found_in_an_array_too(tmp_path):
    (tmp_path / "t.json").write_text('[{"a": 1},\n {"a": 1, "a": 2}]')
    with pytest.raises(DataError, match="the key 'a' occurs twice"):
        read_table(tmp_path / "t.json")
    content = io.StringIO("".join(json.dumps({"a": i}) + "\n" for i in range(3000)) + '{"a": "x"}\n')
    (tmp_path / "t.json").write_text(content.getvalue())
    assert read_table(tmp_path / "t.json").frame.height == 3001


def test_a_quote_given_is_no_separator_and_a_separator_given_no_quote(tmp_path):
    (tmp_path / "t.csv").write_text("a;b\n,1;2,;3\n")
    assert read_table(tmp_path / "t.csv", Reading(quote=",")).frame.rows() == [("1;2", 3)]
    (tmp_path / "t.csv").write_text("a'b\n1'2\n")
    assert read_table(tmp_path / "t.csv", Reading(separator="'")).frame.rows() == [(1, 2)]
    (tmp_path / "t.csv").write_text("a\n1\n")
    assert read_table(tmp_path / "t.csv", Reading(quote=",")).frame.rows() == [(1,)]
    with pytest.raises(ValueError, match="the same character"):
        Reading(separator=";", quote=";")


def test_numbers_that_stand_as_text_are_named_where_they_are_left_out():
    table = read_table(pl.DataFrame({"a": [str(i / 8) for i in range(60)]}))
    (column,) = infer_columns(table, leave_out={})
    assert (column.kind, column.used) == ("identifier", False)
    assert column.note == "60 distinct values in 60 rows, all of them numbers that stand as text"


@pytest.mark.parametrize("name", ["*", "count", "value", "a.b", "len", ""])
@pytest.mark.parametrize("form", ["write_csv", "write_parquet"])
def test_a_column_may_be_called_anything(tmp_path, name, form):
    frame = pl.DataFrame({"a": ["u", "v", "w"], name: ["x", "y", "x"]})
    for part in ("1", "2"):
        getattr(frame, form)(tmp_path / f"{part}.csv")
    table = read_table(tmp_path)
    called = name or ("column_2" if form == "write_csv" else "")
    assert table.frame.columns == ["a", called]
    encoder = Encoder.fit(table, infer_columns(table, leave_out={}))
    assert encoder.feature_names == ("a = u", "a = v", "a = w", f"{called} = x", f"{called} = y")
    assert encoder.transform(table).toarray().sum() == 12
    assert [level.rows for level in inspect_table(table).columns[1].levels] == [4, 2]
    assert read_targets(table, called).classes == ("x", "y")


def test_a_name_that_is_a_pattern_is_refused_from_every_source(tmp_path):
    frame = pl.DataFrame({"^a$": [1, 2], "b": [3, 4]})
    frame.write_csv(tmp_path / "t.csv")
    frame.write_parquet(tmp_path / "t.parquet")
    for source in (frame, tmp_path / "t.csv", tmp_path / "t.parquet"):
        with pytest.raises(DataError, match="begins with"):
            read_table(source)


def test_what_a_folder_hides_is_no_part_of_its_table(tmp_path):
    (tmp_path / "part-1.csv").write_text("a,b\n1,2\n")
    for name in ("_committed.csv", ".part-2.csv", "notes.md"):
        (tmp_path / name).write_text("something else\n")
    assert read_table(tmp_path).frame.rows() == [(1, 2)]


def test_a_separator_that_was_given_in_training_is_known_at_prediction(tmp_path):
    (tmp_path / "t.csv").write_text("a~b\n1~x\n2~y\n")
    table = read_table(tmp_path / "t.csv", Reading(separator="~"))
    encoder = Encoder.fit(table, infer_columns(table, leave_out={}))
    assert read_table(tmp_path / "t.csv").frame.width == 1
    assert read_table(tmp_path / "t.csv", expected=encoder.expected).frame.equals(table.frame)
