"""`crossentropy inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from crossentropy.cli._options import given_reading, reading_options

if TYPE_CHECKING:
    from crossentropy.tables import ColumnEvidence, Inspection


@click.command()
@click.argument("data")
@click.option("--target", metavar="COLUMN", help="The column to predict.")
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print everything as JSON.")
def inspect(data: str, target: str | None, as_json: bool, **given: Any) -> None:
    """Say how DATA is read and what each column holds, without training anything."""
    settings = given_reading(given)
    from crossentropy.experiment import make_reading
    from crossentropy.tables import Expected, find_column, inspect_table, read_table

    reading = make_reading(**settings)
    names = frozenset(reading.kinds) | ({target} if target is not None else set())
    table = read_table(data, reading, Expected(names))
    for name, kind in reading.kinds.items():
        find_column(table, name, f"to be read as {kind}")
    found = inspect_table(table, target=target or table.target, given=reading.kinds)
    click.echo(found.model_dump_json(indent=1) if as_json else "\n".join(_lines(found)))


def _lines(found: Inspection) -> list[str]:
    """Return the inspection in words: one line a column, and what to look at below it."""
    lines = [f"{found.name}: {found.rows:,} rows, {len(found.columns) + bool(found.target)} columns"]
    lines += [f"  read as {found.recognised}"] * bool(found.recognised)
    if found.target is not None:
        shown = [f"{c.value} {c.rows:,}" for c in found.classes[:12]]
        more = f", and {len(found.classes) - 12} more" if len(found.classes) > 12 else ""
        lines.append(f"  target {found.target}: {len(found.classes)} classes: {', '.join(shown)}{more}")
    lines += [f"  note: {note}" for note in found.notes]
    for used, title in ((True, "Used"), (False, "Left out")):
        columns = [c for c in found.columns if c.used is used]
        if columns:
            lines += ["", f"{title}: {len(columns)} columns", *(line for c in columns for line in _column(c))]
    return [" ".join(line.splitlines()) for line in lines]


def _column(column: ColumnEvidence) -> list[str]:
    said = [f"{column.distinct:,} distinct"]
    if column.low is not None and column.high is not None:
        said.append(f"{column.low:g} to {column.high:g}")
    said += [f"{column.missing:,} missing"] * bool(column.missing)
    if column.levels and column.kind in ("category", "boolean", "constant", "text", "date"):
        shown = [f"{level.value!r} {level.rows:,}" for level in column.levels[:4]]
        said.append(", ".join(shown) + (", ..." if column.distinct > 4 else ""))
    said += [column.note] * bool(column.note)
    return [
        f"  {column.name} ({column.kind}): {'; '.join(said)}",
        *(f"    look: {w}" for w in column.warnings),
    ]
