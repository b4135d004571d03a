"""Reading tables, the kinds of their columns, and the encoder from columns to features.

_read.py       any source to one table
_files.py      which files are meant, and what they hold
_limit.py      how much memory there is
_dialect.py    encoding, separator, quoting, header: recognised
_delimited.py  delimited text to columns
_scan.py       where its records begin
_values.py     the text of a column to numbers or booleans
_jsonlines.py  JSON lines
_memory.py     frames, arrays, sparse matrices, tensors
_sets.py       the sets that come with scikit-learn
_table.py      a table in memory, and where its rows stand in the source
_reading.py    how text is to be read: given, settled, expected
_kinds.py      what each column holds, by written rules
_inspect.py    the kinds with their evidence
_cells.py      the cells of a column as numbers or names
_terms.py      text to words, pairs and runs of characters
_vocabulary.py the terms that a text column learned, and their weights
_codes.py      what is known of a number, of a category
_text_code.py  of a text
_dates.py      dates and times to moments
_date_code.py  what is known of a date
_items.py      lists, and text like them, to their items
_list_code.py  what is known of a list
_features.py   the features: dense and sparse, side by side
_table_encoder.py  the same as a transformer of scikit-learn
_encoder.py    columns to features, as data that JSON and arrays can hold
_giveaway.py   columns that give the target away
_notices.py    what a table has other than the one of training
_targets.py    the target column to class ids
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from crossentropy.tables._cells import numbers
from crossentropy.tables._encoder import Encoder
from crossentropy.tables._features import Features
from crossentropy.tables._giveaway import Giveaway, giveaways
from crossentropy.tables._inspect import ColumnEvidence, Inspection, inspect_table
from crossentropy.tables._kinds import Column, Kind, infer_columns
from crossentropy.tables._notices import notices
from crossentropy.tables._read import read_table
from crossentropy.tables._reading import Dialect, Expected, GivenKind, Reading
from crossentropy.tables._table import Table
from crossentropy.tables._targets import Targets, class_ids, class_values, find_column, read_targets

if TYPE_CHECKING:
    from crossentropy.tables._table_encoder import TableEncoder

__all__ = [
    "Column",
    "ColumnEvidence",
    "Dialect",
    "Encoder",
    "Expected",
    "Features",
    "Giveaway",
    "GivenKind",
    "Inspection",
    "Kind",
    "Reading",
    "Table",
    "TableEncoder",
    "Targets",
    "class_ids",
    "class_values",
    "find_column",
    "giveaways",
    "infer_columns",
    "inspect_table",
    "notices",
    "numbers",
    "read_table",
    "read_targets",
]


def __getattr__(name: str) -> Any:
    # scikit-learn takes longer to import than all else here
    if name == "TableEncoder":
        return importlib.import_module("crossentropy.tables._table_encoder").TableEncoder
    raise AttributeError(f"module 'crossentropy.tables' has no attribute {name!r}")
