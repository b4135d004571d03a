"""What is not quite as it should be is handled and said: exit 0, and a sentence. Through the real command."""

import json

import numpy as np
import polars as pl
import pytest

from .command import call


def table(n=240, seed=0):
    """Two common classes and a rare one; what depends on them, and columns that are odd in every way."""
    rng = np.random.default_rng(seed)
    number = rng.normal(size=n).round(3)
    kind = np.where(number + rng.normal(size=n) > 0, "ash", "beech").astype(object)
    kind[:3] = "rare"
    return pl.DataFrame(
        {
            "row": range(5000, 5000 + n),
            "name": [f"n{i}" for i in range(n)],
            "number": number,
            "endless": [
                float("inf") if i % 40 == 7 else x for i, x in enumerate(rng.normal(size=n).round(3))
            ],
            "level": rng.choice(["red", "green", "blue"], n),
            "same": ["x"] * n,
            "kind": [None if i % 60 == 50 else k for i, k in enumerate(kind)],
        }
    )


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("place")
    frame = table()
    repeated = pl.concat([frame, frame[100:140]]).drop("row", "name")
    frame.with_columns(row=pl.col("row")).write_csv(folder / "odd.csv")
    repeated.write_csv(folder / "repeated.csv")
    code, out, err = call(
        "train", "odd.csv", "--target", "kind", "--out", "run", "--C", "1", "--json", cwd=folder
    )
    assert code == 0, err
    (folder / "said.json").write_text(out)
    return folder


def test_training_says_what_it_did_with_an_odd_table(place):
    said = json.loads((place / "said.json").read_text())
    notes = " ".join(said["notes"])
    assert "odd.csv: 4 rows without a target were left out." in notes
    assert "Classes with fewer training rows than the 5 folds: 'rare' (" in notes
    assert "Column 'endless': " in notes
    assert " infinite values were treated as missing." in notes
    left = {c["name"]: c["kind"] for c in said["columns"] if not c["used"]}
    assert left == {"row": "identifier", "name": "identifier", "same": "constant"}
    infinite = sum(c["missing"] for c in said["columns"] if c["name"] == "endless")
    assert infinite == int(notes.partition("Column 'endless': ")[2].split()[0]) > 0


def test_rows_that_repeat_are_counted(place):
    code, out, err = call(
        *("train", "repeated.csv", "--target", "kind", "--out", "twice", "--C", "1"), cwd=place
    )
    assert code == 0, err
    words = " ".join(out.split())
    assert "training rows repeat an earlier one in every column." in words
    assert "equal a training row in every column used" in words


def test_prediction_says_what_is_new(place):
    frame = (
        table(seed=1)
        .drop("kind")
        .with_columns(
            level=pl.when(pl.int_range(240) < 6).then(pl.lit("violet")).otherwise("level"),
            number=pl.when(pl.int_range(240) < 2).then(None).otherwise("number"),
            further=pl.lit(1),
        )
    )
    frame.select(frame.columns[::-1]).write_csv(place / "new.csv", separator=";", decimal_comma=True)
    code, out, err = call("predict", "run", "new.csv", cwd=place)
    assert code == 0, err
    notes = err.splitlines()
    assert notes == [
        "Note: new.csv: 1 column that training had not: ignored (further).",
        "Note: new.csv: column 'number': 2 missing values, of which training had none: read as the mean.",
        "Note: new.csv: column 'endless': 6 infinite values read as missing.",
        "Note: new.csv: column 'level': 6 rows of categories not seen in training (violet).",
    ]
    assert len(out.splitlines()) == 241
    # the same numbers from a file with types of its own, columns in the order of training
    frame.write_parquet(place / "new.parquet")
    assert call("predict", "run", "new.parquet", cwd=place)[1] == out


def test_a_hundred_thousand_categories(place):
    rng = np.random.default_rng(0)
    n = 200_000
    number = rng.normal(size=n)
    pl.DataFrame(
        {
            "number": number,
            "shop": [f"shop {i % 100_000}" for i in range(n)],
            "kind": np.where(number + rng.normal(size=n) > 0, "ash", "beech"),
        }
    ).write_csv(place / "large.csv")
    code, out, err = call(
        "train", "large.csv", "--target", "kind", "--out", "large", "--C", "1", "--json", cwd=place
    )
    assert code == 0, err
    (shop,) = [c for c in json.loads(out)["columns"] if c["name"] == "shop"]
    assert json.loads(out)["features"] <= 2**16 + 2
    assert "distinct values" in shop["note"]


def test_inspect_shows_kinds_with_their_evidence(place):
    code, out, err = call("inspect", "odd.csv", "--target", "kind", "--json", cwd=place)
    assert (code, err) == (0, "")
    found = json.loads(out)
    assert (found["rows"], found["recognised"]) == (240, "CSV, separator ,, utf-8, header")
    assert {c["value"]: c["rows"] for c in found["classes"]}.keys() == {"ash", "beech", "rare"}
    assert found["notes"] == ["4 rows have no target.", "Classes with fewer than 5 rows: rare."]
    columns = {c["name"]: c for c in found["columns"]}
    trained = json.loads((place / "said.json").read_text())["columns"]
    # the kinds are those of training
    assert {n: c["kind"] for n, c in columns.items()} == {c["name"]: c["kind"] for c in trained}
    assert columns["endless"]["missing"] == 6
    assert {v["value"] for v in columns["level"]["levels"]} == {"red", "green", "blue"}
    code, out, err = call("inspect", "odd.csv", "--kind", "level=text", cwd=place)
    assert (code, err) == (0, "")
    assert "  read as CSV, separator ,, utf-8, header" in out
    assert "level (text): 3 distinct; " in out
    assert "the kind was given; the rules say category" in out


def test_inspect_shows_the_one_value_that_keeps_a_column_from_being_numbers(place):
    lines = ["size,kind", *(f"{i},a" for i in range(60)), "abc,b", *(f"{i}.5,b" for i in range(50))]
    (place / "spoilt.csv").write_text("\n".join(lines))
    _, out, _ = call("inspect", "spoilt.csv", cwd=place)
    assert "look: numbers, but for 1 values: 'abc' in line 62" in out


def test_what_was_recognised_is_printed_and_stored_and_read_alike_at_prediction(place):
    frame = table(seed=2).select("number", "level", "kind")
    frame = frame.with_columns(level=pl.col("level").replace({"green": "grün"}))
    text = frame.write_csv(separator=";", decimal_comma=True)
    (place / "deutsch.csv").write_text(text, encoding="cp1252")
    code, _, err = call("train", "deutsch.csv", "--target", "kind", "--out", "deutsch", "--C", "1", cwd=place)
    assert code == 0, err
    assert "from deutsch.csv: CSV, separator ;, decimal comma, cp1252, header" in err.splitlines()[0]
    read_as = json.loads((place / "deutsch/environment.json").read_text())["read_as"]
    assert (read_as["format"], read_as["separator"], read_as["decimal"]) == ("CSV", ";", ",")
    # rows from which nothing could be recognised: no decimal has fewer than three digits after it
    (place / "few.csv").write_text("level;number\nrot;1,234\ngrün;2,345\n", encoding="cp1252")
    _, few, _ = call("predict", "deutsch", "few.csv", cwd=place)
    (place / "few.parquet").write_bytes(b"")
    pl.DataFrame({"number": [1.234, 2.345], "level": ["rot", "grün"]}).write_parquet(place / "few.parquet")
    assert call("predict", "deutsch", "few.parquet", cwd=place)[1] == few
    assert len(few.splitlines()) == 3


def test_data_from_standard_input_a_folder_and_a_pattern_are_those_of_the_file(place):
    frame = table(seed=3)
    (place / "parts").mkdir()
    frame[:100].write_csv(place / "parts" / "1.csv")
    frame[100:].select(frame.columns[::-1]).write_csv(place / "parts" / "2.csv", separator="\t")
    frame.write_csv(place / "whole.csv")
    _, want, _ = call("predict", "run", "whole.csv", cwd=place)
    assert call("predict", "run", "parts", cwd=place)[1] == want
    assert call("predict", "run", "parts/*.csv", cwd=place)[1] == want
    assert call("predict", "run", "-", cwd=place, input=(place / "whole.csv").read_text())[1] == want
    for line in ("10,n,tall,1,red,x,ash\n",):
        with (place / "parts" / "1.csv").open("a") as out:
            out.write(line)
    code, _, err = call("predict", "run", "parts", cwd=place)
    assert code == 2
    assert err.startswith("Error: parts: column 'number', parts/1.csv, line 102: 'tall' is not a number.")
