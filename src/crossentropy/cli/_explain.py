"""`crossentropy explain`."""

from __future__ import annotations

import json
from typing import Any

import click

from crossentropy.cli._options import given_reading, reading_options


@click.command()
@click.argument("run")
@click.argument("data", required=False)
@click.option("--row", metavar="ID", help="Take one row apart: its name, or its number counted from 0.")
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
def explain(run: str, data: str | None, row: str | None, as_json: bool, **given: Any) -> None:
    """Say what each column is worth to the classifier of the folder RUN, or why it says what it says of one row.

    The worth of columns is that on the test rows of the run, or on DATA, which then holds the target too. A row is
    looked for in DATA, or else in the file that the run was tested or trained on.
    """
    settings = given_reading(given)
    from crossentropy.experiment import explain_columns, explain_row, make_reading
    from crossentropy.report import contributions_text, explanation_text

    reading = make_reading(**settings) if settings or data is not None else None
    if row is not None:
        told = explain_row(run, row, data, reading)
        click.echo(told.model_dump_json(indent=1) if as_json else explanation_text(told))
        return
    shares = explain_columns(run, data, reading)
    if as_json:
        click.echo(json.dumps([column.model_dump() for column in shares], indent=1))
    else:
        click.echo(contributions_text(shares))
