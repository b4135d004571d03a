"""The rules: a file each. A new rule is a new file here, named in this list, and a page (`_pages.py` writes it)."""

from crossentropy.check._findings import Rule
from crossentropy.check.rules import (
    ce001,
    ce002,
    ce003,
    ce004,
    ce005,
    ce006,
    ce007,
    ce008,
    ce009,
    ce010,
    ce011,
    ce012,
    ce013,
    ce014,
    ce015,
    ce016,
    ce017,
    ce018,
    ce019,
    ce020,
)

_FILES = (
    ce001,
    ce002,
    ce003,
    ce004,
    ce005,
    ce006,
    ce007,
    ce008,
    ce009,
    ce010,
    ce011,
    ce012,
    ce013,
    ce014,
    ce015,
    ce016,
    ce017,
    ce018,
    ce019,
    ce020,
)

RULES: dict[str, Rule] = {file.RULE.id: file.RULE for file in _FILES}
