"""The rules: a file each. A new rule is a new file here, the next number, and a page (`_pages.py` writes it)."""

from importlib import import_module

from crossentropy.check._findings import Rule

_NUMBERS = range(1, 21)
_FILES = [import_module(f"{__name__}.ce{number:03}") for number in _NUMBERS]

RULES: dict[str, Rule] = {file.RULE.id: file.RULE for file in _FILES}
