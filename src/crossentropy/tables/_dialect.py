"""Recognising the dialect of a delimited text: encoding, separator, quoting, header.

Every plausible pair of separator and quoting is tried on the first lines, by parsing them with Python's own csv module
in strict mode, and the one that makes the best table is taken: score = share of records as wide as most
* (w - 1) / w for w fields * share of cells that look like a value (number, date, word without a separator in it).
This is the consistency measure of van den Burg, Nazabal and Sutton ("Wrangling messy CSV files by detecting row and
type patterns", 2019) with far fewer candidates. A sniffer that only counts characters takes the comma of a decimal or
of a sentence for the separator.
"""

from __future__ import annotations

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from crossentropy.errors import DataError
from crossentropy.tables._reading import Dialect, Expected, Reading

__all__ = ["MismatchError", "clean", "decoded", "parsed", "recognise", "unmistakable"]

SEPARATORS = ",;\t| "
_SAMPLE = 1 << 18
_RECORDS = 1000
_MARKS = {
    codecs.BOM_UTF8: "utf-8",
    codecs.BOM_UTF32_LE: "utf-32",
    codecs.BOM_UTF32_BE: "utf-32",
    codecs.BOM_UTF16_LE: "utf-16",
    codecs.BOM_UTF16_BE: "utf-16",
}
# No text table holds these; tab, newline, form feed, return and the end-of-file of DOS aside.
_CONTROL = bytes(set(range(32)) - {9, 10, 12, 13, 26})
# A character beyond ASCII in UTF-8, and three or more bytes beyond ASCII in a row.
_CHARACTER = re.compile(
    rb"[\xc2-\xdf][\x80-\xbf]|[\xe0-\xef][\x80-\xbf]{2}|[\xf0-\xf4][\x80-\xbf]{3}", re.DOTALL
)
_FOREIGN = re.compile(rb"[\x80-\xff]{3,}")
_NUMBER = re.compile(r"[+-]?[\d.,' \u00a0\u202f]*\d[\d.,]*([eE][+-]?\d+)?%?")
_PLAIN_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
_DATE = re.compile(
    r"\d{1,4}[-/.]\d{1,2}[-/.]\d{1,4}([T ]\d{1,2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})?)?"
)
_WORDS = re.compile(r"""(?!'.*'$)[^,;\t|"]*""")


def decoded(data: bytes, name: str, given: Reading, known: str | None) -> tuple[bytes, str]:
    """Return a text as UTF-8 without byte-order marks, lines ended by a newline, and the encoding that it was in.

    Args:
        data: the bytes of the file.
        name: what messages call it.
        given: what the user says of the text.
        known: the encoding of the training data, tried where the text is not UTF-8.

    Raises:
        DataError: the bytes are no text, not in the encoding given, or in one that is not recognised.
    """
    separator = (given.separator or "").encode()
    encoding = given.encoding or unmistakable(data)
    if encoding is None:
        _refuse_binary(data, name, separator)
    learned = [known] if known and known != "utf-8" else []
    tried = [encoding] if encoding else ["utf-8", *learned, "cp1252"]
    failures: dict[str, UnicodeError] = {}
    for candidate in tried:
        try:
            text = _as_utf8(data, candidate)
        except UnicodeError as error:
            failures[candidate] = error
            continue
        if encoding is None and candidate == "cp1252" != known:
            _refuse_guess(data, name, failures["utf-8"])
        if candidate not in ("utf-8", "cp1252"):
            _refuse_binary(text, name, separator)
        # a mark inside: files with one each, put together
        return _ended_by_newlines(text.replace(codecs.BOM_UTF8, b"")), candidate
    if encoding is None:
        _refuse_guess(data, name, failures["utf-8"])
        raise _unrecognised(data, name, failures["cp1252"], "neither UTF-8 nor Windows-1252")
    raise _unrecognised(
        data, name, failures[encoding], f"not {encoding}", fix="Or give none to have it recognised."
    )


def unmistakable(data: bytes) -> str | None:
    """Return the encoding that a byte-order mark names, or UTF-16 where nothing else can be meant."""
    mark = next((m for m in sorted(_MARKS, key=len, reverse=True) if data.startswith(m)), b"")
    return _MARKS.get(mark) or _wide(data[:_SAMPLE])


def _ended_by_newlines(text: bytes) -> bytes:
    """Return the text with a newline for each return that ends a line by itself, if that is how lines end here."""
    if b"\r" not in text:
        return text
    newlines = text.count(b"\n")
    if newlines == 0:
        return text.replace(b"\r", b"\n")
    if text.count(b"\r") - text.count(b"\r\n") < newlines:
        return text
    return re.sub(rb"\r(?![\r\n])", b"\n", text)


def _refuse_guess(data: bytes, name: str, error: UnicodeError) -> None:
    """Refuse what would become gibberish as Windows-1252: damaged UTF-8, and text of other alphabets.

    In damaged UTF-8 most bytes beyond ASCII still form characters, which in Windows-1252 they do by rare chance only;
    and no language written in Windows-1252 has many words with three different letters beyond ASCII in a row.
    """
    at = getattr(error, "start", 0)
    near = data[max(0, at - _SAMPLE) : at + _SAMPLE]
    beyond = len(near) - len(near.translate(None, bytes(range(128, 256))))
    if sum(map(len, _CHARACTER.findall(near))) > beyond / 2:
        raise _unrecognised(data, name, error, "UTF-8, but damaged there or mixed with another encoding")
    if sum(len(word) for word in _FOREIGN.findall(near) if len(set(word)) > 1) > beyond / 2:
        raise _unrecognised(data, name, error, "neither UTF-8 nor in a western European encoding")


def _unrecognised(data: bytes, name: str, error: UnicodeError, what: str, fix: str = "") -> DataError:
    at = getattr(error, "start", 0)
    return DataError(
        f"{name}: line {data[:at].count(10) + 1}: the text is {what} ({getattr(error, 'reason', error)}).",
        fix=f"Give the encoding it is in (cp1251, shift_jis, mac_roman, ...), or write it as UTF-8. {fix}".strip(),
    )


def _as_utf8(data: bytes, encoding: str) -> bytes:
    """Recode piece by piece, so that a large file does not stand in memory a third time as a string."""
    plain = codecs.lookup(encoding).name == "utf-8"
    decoder = codecs.getincrementaldecoder(encoding)()
    pieces, at = [], 0
    try:
        for at in range(0, len(data), _PIECE):
            text = decoder.decode(data[at : at + _PIECE], at + _PIECE >= len(data))
            if not plain:
                pieces.append(text.encode())
    except UnicodeDecodeError as error:
        raise UnicodeDecodeError(
            encoding, b"", max(at + error.start, 0), at + error.end, error.reason
        ) from None
    return data if plain else b"".join(pieces)


_PIECE = 1 << 24


def _wide(sample: bytes) -> str | None:
    """Return UTF-16 for text of two bytes a character without a mark.

    Separators, digits and ends of lines have a zero byte each, all on the same side, whatever the alphabet.
    """
    for encoding, zeros, others in (
        ("utf-16-le", sample[1::2], sample[::2]),
        ("utf-16-be", sample[::2], sample[1::2]),
    ):
        if zeros.count(0) > max(1, 0.05 * len(zeros)) and others.count(0) < 0.05 * zeros.count(0):
            try:
                codecs.getincrementaldecoder(encoding)().decode(sample)
            except UnicodeDecodeError:
                continue
            return encoding
    return None


def _refuse_binary(data: bytes, name: str, separator: bytes) -> None:
    """Refuse a zero byte anywhere, and more than a few control characters at the start that are no separators."""
    at = data.find(0)
    sample = data[:_SAMPLE]
    control = len(sample) - len(sample.translate(None, _CONTROL.replace(separator, b"")))
    if at >= 0 or control > 0.02 * len(sample):
        where = f"a zero byte in line {data[:at].count(10) + 1}" if at >= 0 else "control characters"
        raise DataError(
            f"{name}: no table in text: it holds {where}.",
            fix="Expected CSV or another delimited text, JSON lines, Parquet, or Arrow.",
        )


def recognise(data: bytes, name: str, given: Reading, expected: Expected, encoding: str) -> Dialect:
    """Return the dialect of a text in UTF-8; what is given is taken, the rest recognised.

    The dialect of the training data is taken as it is when the first line then holds the names that are expected.
    """
    sample = _Sample.of(data)
    known = expected.dialect
    if known and known.header and given.separator is None and given.quote is None and expected.names:
        first = _records(sample, known, limit=1)
        if first and len(first[0]) > 1 and expected.names <= set(clean(first[0])):
            return known.model_copy(update={"encoding": encoding, "header": given.header is not False})
    best = max(
        _candidates(sample.text, given, encoding), key=lambda d: _score(_records(sample, d), d.separator)
    )
    header = given.header
    if header is None:
        header = _has_header(_records(sample, best, limit=50), expected.names)
    return best.model_copy(update={"header": header})


def clean(names: Iterable[str]) -> list[str]:
    """Return the names of columns without blanks around them; one without a name is called by its place, from 1."""
    return [name.strip() or f"column_{j + 1}" for j, name in enumerate(names)]


class _Sample(NamedTuple):
    """The first lines of a text, and whether there are more."""

    text: str
    cut: bool

    @classmethod
    def of(cls, data: bytes) -> _Sample:
        start = data[:_SAMPLE]
        cut = len(data) > len(start)
        # the last line may be cut in the middle
        whole = start[: start.rfind(b"\n") + 1] if cut else start
        return cls((whole or start).decode(errors="ignore"), cut)


def _candidates(sample: str, given: Reading, encoding: str) -> Iterator[Dialect]:
    separators = [s for s in SEPARATORS if s in sample and s != given.quote] or [
        ";" if given.quote == "," else ","
    ]
    if given.separator:
        separators = [given.separator]
    quotes: list[tuple[str, Literal["", "\\"]]] = []
    if given.quote is not None:
        quotes = [(given.quote, "")]
    elif '"' in sample:
        quotes = [('"', ""), ("", "")]
        if '\\"' in sample:
            quotes.insert(1, ('"', "\\"))
    else:
        quotes = [('"', "")]
        if re.search(r"(?m)(^|[,;\t|])'[^'\n]*'([,;\t|\r]|$)", sample):
            quotes.append(("'", ""))
    for separator in separators:
        for quote, escape in quotes:
            if quote == separator:
                continue
            pattern = re.escape(separator) + f" +{quote}" if quote else "$^"
            if separator == " ":
                pattern = "(?m)^ +[^ \n]|[^ \n]  +[^ \n]"
            blanks = bool(re.search(pattern, sample))
            dialect = Dialect(
                separator=separator, quote=quote, escape=escape, spaced=blanks, encoding=encoding
            )
            yield dialect
            if separator == " " and blanks:
                # two blanks may also enclose a field that is empty
                yield dialect.model_copy(update={"spaced": False})


def parsed(text: str, dialect: Dialect) -> Iterator[tuple[int, list[str]]]:
    """Yield the records that Python's csv module finds in strict mode, with the line each begins on; blank ones too.

    Raises:
        MismatchError: quotes do not match.
    """
    reader = csv.reader(
        _lines(text),
        delimiter=dialect.separator,
        quotechar=dialect.quote or None,
        quoting=csv.QUOTE_MINIMAL if dialect.quote else csv.QUOTE_NONE,
        escapechar=dialect.escape or None,
        doublequote=not dialect.escape,
        skipinitialspace=dialect.spaced,
        strict=True,
    )
    line = 1
    try:
        for record in reader:
            yield line, record
            line = reader.line_num + 1
    except csv.Error as error:
        raise MismatchError(line, str(error)) from None


class MismatchError(ValueError):
    """A record whose quotes do not match: `line` is where it begins; `at_end`, whether one is never closed."""

    def __init__(self, line: int, reason: str) -> None:
        super().__init__(reason)
        self.line = line
        self.at_end = "end of data" in reason


def _lines(text: str) -> Iterator[str]:
    # str.splitlines would also split at form feeds and U+2028
    return (line.removesuffix("\r") + "\n" for line in text.removesuffix("\n").split("\n"))


def _records(sample: _Sample, dialect: Dialect, limit: int = _RECORDS) -> list[list[str]] | None:
    """Return the first records, or None when the text does not parse."""
    found: list[list[str]] = []
    # a field may be as long as the sample
    limit_before = csv.field_size_limit(_SAMPLE)
    try:
        for _, record in parsed(sample.text, dialect):
            if record:
                found.append(record)
            if len(found) == limit:
                break
    except MismatchError as error:
        # a quoted field that goes on behind the end of the sample is none of its faults
        if not (sample.cut and error.at_end and found):
            return None
    finally:
        csv.field_size_limit(limit_before)
    return found


def _score(records: list[list[str]] | None, separator: str) -> float:
    if not records:
        return -1.0
    width, count = Counter(map(len, records)).most_common(1)[0]
    cells = [cell.strip() for record in records for cell in record]
    # between blanks that align columns there is nothing
    valued = sum(map(_is_value, cells if separator != " " else filter(None, cells))) / len(cells)
    return count / len(records) * max(width - 1, 0.1) / width * max(valued, 0.01)


def _is_value(cell: str) -> bool:
    return bool(_NUMBER.fullmatch(cell) or _DATE.fullmatch(cell) or _WORDS.fullmatch(cell))


def _has_header(records: list[list[str]] | None, names: frozenset[str]) -> bool:
    """Say whether the first record names the columns.

    It does when it holds a name that is expected, when it counts 0, 1, 2, ... (as pandas writes names it made up),
    and otherwise unless one of its cells is a number or a date.
    """
    if not records:
        return True
    first = [cell.strip() for cell in records[0]]
    if names & set(first) or first == [str(j) for j in range(len(first))]:
        return True
    return not any(_PLAIN_NUMBER.fullmatch(c.replace(",", ".", 1)) or _DATE.fullmatch(c) for c in first)
