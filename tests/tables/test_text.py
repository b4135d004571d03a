"""Delimited text in every form that people have: recognised as they meant it, or told on which line it is broken."""

import gzip
import subprocess
import sys

import polars as pl
import pytest

from crossentropy.errors import DataError
from crossentropy.tables import Dialect, Encoder, Expected, Reading, infer_columns, read_table

# name -> the bytes, the rows, the line of each row, what is said of it
FORMS = {
    "bars": (b"a|b|c\n1|x|2.5\n2|y|3\n", [(1, "x", 2.5), (2, "y", 3.0)], [2, 3], "separator |"),
    "spaces": (b"a b c\n1 x 2.5\n2 y 3\n", [(1, "x", 2.5), (2, "y", 3.0)], [2, 3], "separator space"),
    "tabs, and commas in prose": (b"a\tb\n1\tx, y\n2\tz\n", [(1, "x, y"), (2, "z")], [2, 3], "separator tab"),
    "commas of sentences": (b"id;text\n1;Hi, you\n2;Bye, you, too\n3;no\n", 3, [2, 3, 4], "separator ;"),
    "blanks of times": (b"when,v\n2020-01-01 10:00,5\n2020-01-02 10:30,6\n", 2, [2, 3], "separator ,"),
    "decimal comma": (
        b"a;b\n1.234,5;2,5\n12,0;3,25\n",
        [(1234.5, 2.5), (12.0, 3.25)],
        [2, 3],
        "decimal comma",
    ),
    "decimal comma, three digits": (
        b"a;b\n1,234;x\n2,345;y\n",
        [(1.234, "x"), (2.345, "y")],
        [2, 3],
        "decimal comma",
    ),
    "both decimals": (
        b"a;b\n52.12;3,50\n48.1;2,99\n",
        [(52.12, 3.5), (48.1, 2.99)],
        [2, 3],
        "separator ;, utf-8",
    ),
    "thousands": (b'a,b\n"1,234.5",2\n"12",3\n', [(1234.5, 2), (12.0, 3)], [2, 3], "separator ,"),
    "signs": (b"a;b\n45%;$1.50\n50%;$2.00\n", [(45.0, 1.5), (50.0, 2.0)], [2, 3], "separator ;"),
    "decimal commas without a header": (
        b"1,5;2,5\n3,5;4,5\n",
        [(1.5, 2.5), (3.5, 4.5)],
        [1, 2],
        "separator ;",
    ),
    "codes": (b"zip,v\n01234,1\n98765,2\n", [("01234", 1), ("98765", 2)], [2, 3], ""),
    "long names of digits": (b"a,b\n12345678901234567890,1\n22345678901234567890,2\n", 2, [2, 3], ""),
    "placeholders": (b"a,b\n?,1\n2,?\n3,x\n", [(None, "1"), (2, "?"), (3, "x")], [2, 3, 4], ""),
    "flags": (b"a,b\nTrue,1\nFALSE,2\n", [(True, 1), (False, 2)], [2, 3], ""),
    "blanks around": (b"a , b\n 1, x \n2 ,y\n", [(1, "x"), (2, "y")], [2, 3], ""),
    "blanks before quotes": (b'a, b\n1, "x, y"\n3, "z"\n', [(1, "x, y"), (3, "z")], [2, 3], ""),
    "doubled quotes": (b'a,b\n1,"say ""hi"", you"\n2,x\n', [(1, 'say "hi", you'), (2, "x")], [2, 3], ""),
    "escaped quotes": (b'a,b\n1,"say \\"hi\\", you"\n2,"x"\n', [(1, 'say "hi", you'), (2, "x")], [2, 3], ""),
    "inches": (b'a,b\n5" pipe,2\n3" pipe,4\n', [('5" pipe', 2), ('3" pipe', 4)], [2, 3], ""),
    "single quotes": (b"a,b\n1,'x, y'\n2,'z'\n", [(1, "x, y"), (2, "z")], [2, 3], "quote '"),
    "apostrophes": (b"a,b\n1,it's\n2,don't\n", [(1, "it's"), (2, "don't")], [2, 3], "separator ,, utf-8"),
    "broken lines": (b'a,b\n"x\ny",1\n"z",2\n', [("x\ny", 1), ("z", 2)], [2, 4], ""),
    "ends of DOS": (b"a,b\r\n1,2\r\n\r\n3,4\r\n", [(1, 2), (3, 4)], [2, 4], ""),
    "ends of old Macs": (b"a,b\r1,2\r3,4\r", [(1, 2), (3, 4)], [2, 3], ""),
    "empty lines": (b"\n\na,b\n1,2\n   \n3,4\n\n", [(1, 2), (3, 4)], [4, 6], ""),
    "one column": (b"a\n1\n\n3\n\n", [(1,), (None,), (3,)], [2, 3, 4], ""),
    "a separator too many": (b"a,b\n1,2,\n3,4,\n", [(1, 2), (3, 4)], [2, 3], ""),
    "row names of R": (b"a b\n1 5 6\n2 7 8\n", [(1, 5, 6), (2, 7, 8)], [2, 3], ""),
    "an index of pandas": (b",a,b\n0,1,x\n1,2,y\n", [(0, 1, "x"), (1, 2, "y")], [2, 3], ""),
    "no header": (b"5.1,3.5,u\n4.9,3.0,v\n", [(5.1, 3.5, "u"), (4.9, 3.0, "v")], [1, 2], "no header"),
    "a header of counts": (b"0,1,2\n5,6,7\n8,9,1\n", [(5, 6, 7), (8, 9, 1)], [2, 3], ", header"),
    "UTF-16": ("a,b\n1,ü\n".encode("utf-16"), [(1, "ü")], [2], "utf-16"),
    "UTF-16 without a mark": ("a;b\n1;hello\n".encode("utf-16-le"), [(1, "hello")], [2], "utf-16-le"),
    "UTF-8 with a mark": ("a;b\n1;ü\n".encode("utf-8-sig"), [(1, "ü")], [2], "utf-8"),
    "Windows": ("a;b\n1;ü€\n".encode("cp1252"), [(1, "ü€")], [2], "cp1252"),
    "gzip": (gzip.compress(b"a,b\n1,2\n"), [(1, 2)], [2], ""),
    "a long cell": (b"a,b\n" + b"x" * 300_000 + b",1\ny,2\n", 2, [2, 3], ""),
    "a column named like a format": (b"PAR1,FEA1\n1,2\n", [(1, 2)], [2], ""),
}


@pytest.mark.parametrize("name", FORMS)
def test_a_text_is_read_as_it_was_meant(tmp_path, name):
    content, rows, lines, said = FORMS[name]
    (tmp_path / "t.csv").write_bytes(content)
    table = read_table(tmp_path / "t.csv")
    assert table.frame.height == rows if isinstance(rows, int) else table.frame.rows() == rows
    assert [table.origin[i] for i in range(table.frame.height)] == [f"line {n}" for n in lines]
    assert said in table.recognised


def test_text_compressed_with_zstd(tmp_path):
    pl.DataFrame({"a": [1, 2], "b": ["ü", "x\ny"]}).write_csv(tmp_path / "t.csv.zst", compression="zstd")
    assert read_table(tmp_path / "t.csv.zst").frame.rows() == [(1, "ü"), (2, "x\ny")]


def test_json_lines_have_lines_and_values_that_do_not_fit_become_text(tmp_path):
    (tmp_path / "t.jsonl").write_text('{"a": 1, "b": "x"}\n\n{"a": 2.5, "c": true}\n')
    table = read_table(tmp_path / "t.jsonl")
    assert table.frame.rows() == [(1.0, "x", None), (2.5, None, True)]
    assert [table.origin[0], table.origin[1]] == ["line 1", "line 3"]
    (tmp_path / "t.json").write_text('[{"a": 1}, {"a": "x"}, {"a": [1, 2]}]')
    assert read_table(tmp_path / "t.json").frame["a"].to_list() == ["1", "x", "[1, 2]"]


@pytest.mark.parametrize("write", ["write_parquet", "write_ipc", "write_ipc_stream"])
def test_binary_tables_are_known_by_their_bytes_whatever_they_are_called(tmp_path, write):
    frame = pl.DataFrame({"a": [1, None], "b": ["x", "y"]})
    getattr(frame, write)(tmp_path / "t.csv")
    assert read_table(tmp_path / "t.csv").frame.equals(frame)


def test_what_is_given_is_taken(tmp_path):
    (tmp_path / "t.txt").write_bytes("1;'ü;2'\n2;'x'\n".encode("cp437"))
    given = Reading(separator=";", quote="'", encoding="cp437", header=False, kinds={"x0": "category"})
    table = read_table(tmp_path / "t.txt", given)
    assert table.frame.rows() == [("1", "ü;2"), ("2", "x")]
    assert table.frame.columns == ["x0", "x1"]
    read = read_table(tmp_path / "t.txt", Reading(separator=",", encoding="cp437", header=True))
    assert read.frame.columns == ["1;'ü;2'"]


def test_a_name_that_is_expected_makes_a_header(tmp_path):
    (tmp_path / "t.csv").write_text("name,2019,2020\na,1,2\nb,3,4\n")
    assert read_table(tmp_path / "t.csv").frame.columns == ["x0", "x1", "x2"]
    known = read_table(tmp_path / "t.csv", expected=Expected(frozenset(["2020"])))
    assert known.frame.columns == ["name", "2019", "2020"]


def test_a_category_of_digits_stays_one_and_the_dialect_of_training_decides_what_nothing_proves(tmp_path):
    (tmp_path / "train.csv").write_text(
        "shop;price\n" + "".join(f"{i % 3}{'ab'[i % 2]};{i},5\n" for i in range(9))
    )
    table = read_table(tmp_path / "train.csv")
    encoder = Encoder.fit(table, infer_columns(table, leave_out={}))
    assert encoder.dialect == Dialect(separator=";", decimal=",")
    (tmp_path / "new.csv").write_text("shop;price\n1;1,234\n2;2,345\n")
    new = read_table(tmp_path / "new.csv", expected=encoder.expected)
    assert new.frame.rows() == [("1", 1.234), ("2", 2.345)]
    assert new.origin[1] == "line 3"


def test_a_value_that_is_no_number_is_named_by_its_line_also_in_rows_that_were_picked(tmp_path):
    (tmp_path / "t.csv").write_text("n\n1,5\n2,5\n\nfour\n3,5\n")
    table = read_table(tmp_path / "t.csv", Reading(separator=";", kinds={"n": "number"}))
    late = table.take(pl.Series([False, True, True, True, True]).to_numpy())
    for rows in (table, late):
        columns = infer_columns(rows, leave_out={}, given={"n": "number"})
        with pytest.raises(DataError, match="column 'n', line 5: 'four' is not a number"):
            Encoder.fit(rows, columns)


@pytest.mark.parametrize("content", ["a,b\n1,2\n3,4,5\n6,7\n", '"a","b"\n"1","2"\n"3,4","5","6"\n'])
def test_a_line_with_a_field_too_many_is_named(tmp_path, content):
    (tmp_path / "t.csv").write_text(content)
    with pytest.raises(DataError, match="line 3 has 3 fields, the first line 2"):
        read_table(tmp_path / "t.csv")


def test_a_line_with_a_field_too_few_is_filled_and_said(tmp_path):
    (tmp_path / "t.csv").write_text("a,b,c\n1,2,3\n4,5\n6,,\n")
    table = read_table(tmp_path / "t.csv")
    assert table.frame.rows() == [(1, 2, 3), (4, 5, None), (6, None, None)]
    assert table.notes == (
        f"{tmp_path / 't.csv'}: 1 of 3 lines have fewer fields than the first line (line 3, to begin with): "
        "what they lack is missing.",
    )


def test_a_pipe_is_read_like_a_file(tmp_path):
    (tmp_path / "t.csv").write_text("a,b\n1,2\n")
    code = (
        "import sys; from crossentropy.tables import read_table; print(read_table(sys.argv[1]).frame.rows())"
    )
    line = f"{{ cat t.csv; }} | {{ python -c '{code}' /dev/stdin; }}"

    done = subprocess.run(
        ["bash", "-c", line.replace("python", sys.executable)], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.stdout == "[(1, 2)]\n", done.stderr
