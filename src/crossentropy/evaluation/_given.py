"""What a user says of classes as JSON: text or a file to data, and the names of classes that are not known."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from crossentropy.errors import ConfigError

__all__ = ["class_list", "parsed", "refuse_unknown"]

_SHOWN = 8


def parsed(given: Any, what: str, form: str) -> Any:
    """Return the data of JSON text, or of the file at that path; anything else as it is.

    Args:
        given: text, a path, or data.
        what: it is, as the beginning of a sentence: "The costs".
        form: what was expected.

    Raises:
        ConfigError: the file cannot be read, or the text is no JSON.
    """
    if not isinstance(given, str | Path):
        return given
    text, source = str(given), what
    if not text.lstrip().startswith(("{", "[")):
        source = text
        try:
            text = Path(text).read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            reason = getattr(error, "strerror", None) or "it is no text"
            raise ConfigError(f"{source}: cannot be read ({reason}).", fix=form) from None
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(f"{source}: no JSON ({error}).", fix=form) from None


def refuse_unknown(given: Iterable[object], names: Sequence[str], what: str, form: str) -> None:
    """Refuse names that are none of the classes'.

    Raises:
        ConfigError: one is not.
    """
    known = set(names)
    for name in given:
        if str(name) not in known:
            raise ConfigError(f"{what} name a class {name!r}; there are {class_list(names)}.", fix=form)


def class_list(names: Sequence[str]) -> str:
    """Return the first few names."""
    return ", ".join(names[:_SHOWN]) + ", ..." * (len(names) > _SHOWN)
