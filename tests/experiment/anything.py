"""Tables of anything: mixed types, nulls everywhere, strange names, huge and tiny numbers, 0 to 300 rows."""

import datetime
import decimal
import io

import numpy as np
import polars as pl
from hypothesis import strategies as st

DAY = datetime.date(2020, 2, 29)
EXTREME = [0.0, -0.0, 1e308, -1e308, 5e-324, 1e-300, float("inf"), float("-inf"), float("nan"), 1.0, 3.5]
STRINGS = [
    "",
    " ",
    "a",
    "A",
    "ü",
    "名前",
    "\u200b",
    "a,b",
    'say "hi"',
    "a\nb",
    "\t",
    "NA",
    "nan",
    "?",
    "-",
    "1,5",
    "1.5",
]
STRINGS += [
    "007",
    "1e5",
    "inf",
    "true",
    "False",
    "2020-01-01",
    "31.12.1999",
    "=1+1",
    "<b>",
    "{}",
    "[]",
    "\U0001f600",
    "'",
]

SCRIPTS = ["hello", "Größe", "привет", "你好世界", "สวัสดี", "مرحبا", "a\x00b", "\x1b[31m", "\u202e", "e\u0301"]
# name -> how one value is drawn
KINDS = {
    "small": lambda r: int(r.integers(-3, 4)),
    "whole": lambda r: int(r.integers(-(2**62), 2**62)),
    "real": lambda r: float(r.normal()),
    "extreme": lambda r: EXTREME[r.integers(len(EXTREME))],
    "nearly": lambda r: 1e15 + float(r.integers(3)),
    "tiny": lambda r: float(r.normal() * 1e-300),
    "flag": lambda r: bool(r.random() < 0.5),
    "word": lambda r: ["red", "green", "blue"][r.integers(3)],
    "many": lambda r: f"w{r.integers(200)}",
    "string": lambda r: STRINGS[r.integers(len(STRINGS))],
    "unicode": lambda r: "".join(map(chr, r.integers(1, 0x2FFF, r.integers(0, 5)))),
    "sentence": lambda r: " ".join(f"w{i}" for i in r.integers(0, 50, 6)),
    "scripts": lambda r: " ".join(SCRIPTS[i] for i in r.integers(0, len(SCRIPTS), 4)),
    "tags": lambda r: ", ".join(f"t{i}" for i in r.integers(0, 6, r.integers(1, 4))),
    "day": lambda r: f"{r.integers(1, 32)}.{r.integers(1, 14)}.{r.integers(1990, 2030)}",
    "month first": lambda r: f"{r.integers(1, 13)}/{r.integers(1, 29)}/{r.integers(0, 100):02d}",
    "zoned": lambda r: (
        f"2024-0{r.integers(1, 10)}-1{r.integers(10)}T{r.integers(24)}:30+0{r.integers(10)}:00"
    ),
    "unit": lambda r: f"{r.integers(100)} {('kg', 'g', 'lb')[r.integers(3)]}",
    "heavy": lambda r: float(np.exp(5 * r.normal())),
    "clock": lambda r: datetime.time(int(r.integers(24)), int(r.integers(60))),
    "labels": lambda r: [("a", "b", "c", None)[i] for i in r.integers(0, 4, r.integers(0, 3))],
    "vector": lambda r: [float(x) for x in r.normal(size=2)],
    "nested": lambda r: [[int(r.integers(3))], []],
    "date": lambda r: DAY + datetime.timedelta(int(r.integers(0, 4000))),
    "time": lambda r: datetime.datetime(2020, 1, 1) + datetime.timedelta(seconds=int(r.integers(0, 10**8))),
    "span": lambda r: datetime.timedelta(seconds=int(r.integers(0, 10**6))),
    "money": lambda r: decimal.Decimal(int(r.integers(0, 10**6))) / 100,
    "list": lambda r: [int(i) for i in r.integers(0, 3, 2)],
    "record": lambda r: {"a": int(r.integers(3)), "b": None},
    "bytes": lambda r: r.bytes(3),
    "one": lambda r: 7,
    "none": lambda r: None,
}
# what a target mostly is
CLASSES = ("small", "flag", "word", "many", "string")
PLAIN = st.sampled_from(
    [
        *(
            "x",
            "y",
            "id",
            "label",
            "p_a",
            "target",
            "weight",
            "Größe",
            "a b",
            "a,b",
            'q"q',
            "a\nb",
            "<i>",
            "=x",
        ),
        # to Polars these are a pattern, and names of its own
        *("*", "count", "value"),
    ]
)
NAMES = PLAIN | st.text(max_size=8)


def column(kind, n, nulls, rng):
    values = [None if u < nulls else KINDS[kind](rng) for u in rng.random(n)]
    return pl.Series(values, strict=False) if kind != "bytes" else pl.Series(values, dtype=pl.Binary)


@st.composite
def frames(draw, kinds=tuple(KINDS)):
    """A frame and the name of the column to predict."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    n = int(rng.integers(0, draw(st.sampled_from([3, 30, 301, 301]))))
    names = draw(st.lists(NAMES, min_size=draw(st.sampled_from([1, 3, 3])), max_size=6, unique=True))
    target = draw(st.sampled_from(names))
    columns = []
    for name in names:
        kind = (
            draw(st.sampled_from(CLASSES) | st.sampled_from(kinds))
            if name == target
            else draw(st.sampled_from(kinds))
        )
        nulls = draw(st.sampled_from([0, 0, 0, 0.1, 0.9] if name != target else [0, 0, 0.1]))
        series = column(kind, n, nulls, rng)
        if series.dtype == pl.String and draw(st.booleans()):
            series = series.cast(pl.Categorical)
        columns.append(series.alias(name))
    return pl.DataFrame(columns), target


def as_file(frame, form):
    """The bytes of a frame as a file, or None for memory and where the format cannot hold it."""
    if form == "jsonl" and any(t == pl.Binary or t.is_nested() for t in frame.dtypes):
        return None
    out = io.BytesIO()
    try:
        if form == "csv":
            frame.write_csv(out)
        elif form == "semicolon":
            frame.write_csv(out, separator=";", decimal_comma=True)
        elif form == "utf16":
            frame.write_csv(out)
            return out.getvalue().decode().encode("utf-16")
        elif form == "jsonl":
            frame.write_ndjson(out)
        elif form == "parquet":
            frame.write_parquet(out)
        else:
            return None
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, UnicodeError):
        return None
    return out.getvalue()
