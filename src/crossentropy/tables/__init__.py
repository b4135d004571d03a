"""Reading tables, the kinds of their columns, and the encoder from columns to features.

_read.py     any source to one frame
_kinds.py    what each column holds, by written rules
_encoder.py  columns to features, as data that JSON can hold
_targets.py  the target column to class ids
"""

from crossentropy.tables._encoder import Encoder, numbers
from crossentropy.tables._kinds import Column, infer_columns
from crossentropy.tables._read import Table, read_table
from crossentropy.tables._targets import Targets, class_ids, find_column, read_targets

__all__ = [
    "Column",
    "Encoder",
    "Table",
    "Targets",
    "class_ids",
    "find_column",
    "infer_columns",
    "numbers",
    "read_table",
    "read_targets",
]
