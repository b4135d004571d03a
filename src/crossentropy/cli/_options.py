"""The options that several verbs take: how the data are to be read."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, get_args

import click

from crossentropy.errors import ConfigError, did_you_mean

__all__ = ["costs_option", "decision_options", "given_reading", "prior_option", "reading_options"]

Command = TypeVar("Command", bound=Callable[..., Any])
_NAMES = ("separator", "decimal", "quote", "encoding", "header", "kind")


def decision_options(command: Command) -> Command:
    """Add the options that say what decisions go by."""
    positive = click.option(
        "--positive",
        metavar="CLASS",
        help="Of two classes the one to find: precision, recall and F1 at each threshold.",
    )
    return costs_option(positive(command))


def costs_option(command: Command) -> Command:
    """Add the option that says what mistakes cost."""
    return click.option(
        "--costs",
        metavar="FILE|JSON",
        help='What mistakes cost, {"ill": {"well": 10}, "well": {"ill": 1}}: true class, then label.',
    )(command)


def prior_option(command: Command) -> Command:
    """Add the option that says how frequent the classes are where the classifier is put to use."""
    return click.option(
        "--deployment-prior",
        metavar="FILE|JSON",
        help='How frequent the classes are from now on, {"ill": 0.01, "well": 0.99}; by default as in training.',
    )(command)


def reading_options(command: Command) -> Command:
    """Add the options that say how the data are to be read, where it should not be recognised."""
    options = [
        click.option("--separator", metavar="CHARACTER", help="Between the fields of text; 'tab' for a tab."),
        click.option("--decimal", metavar="MARK", help="The decimal mark: . or ,"),
        click.option(
            "--quote", metavar="CHARACTER", help="Around fields that hold the separator; '' for none."
        ),
        click.option("--encoding", metavar="NAME", help="Of the text: utf-8, cp1252, utf-16, ..."),
        click.option("--header/--no-header", default=None, help="Whether the first line names the columns."),
        click.option(
            "--kind",
            multiple=True,
            metavar="COLUMN=KIND",
            help="What a column holds: number, boolean, category, text, date, list, identifier; may be given again.",
        ),
    ]
    for option in reversed(options):
        command = option(command)
    return command


def given_reading(given: dict[str, Any]) -> dict[str, Any]:
    """Take the options of `reading_options` out of `given`, and return them as settings."""
    found = {name: given.pop(name) for name in _NAMES if name in given}
    pairs = list(map(_kind, found.pop("kind", ())))
    kinds = dict(pairs)
    if len(set(pairs)) > len(kinds):
        raise ConfigError("--kind was given twice for one column.", fix="Give each column one kind.")
    if found.get("separator") in ("tab", "\\t"):
        found["separator"] = "\t"
    settings = {name: value for name, value in found.items() if value is not None}
    return {**settings, "kinds": kinds} if kinds else settings


def _kind(text: str) -> tuple[str, str]:
    from crossentropy.tables import GivenKind

    column, equals, kind = text.rpartition("=")
    if not equals or not column:
        raise ConfigError(f"--kind {text} says no kind.", fix="Expected --kind COLUMN=KIND.")
    if kind not in get_args(GivenKind):
        raise ConfigError(
            f"--kind {text}: there is no kind {kind!r}.", fix=did_you_mean(kind, get_args(GivenKind))
        )
    return column, kind
