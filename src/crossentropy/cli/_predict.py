"""`crossentropy predict`."""

from __future__ import annotations

import io
import sys
from pathlib import Path
from typing import Any

import click

from crossentropy.cli._options import costs_option, given_reading, prior_option, reading_options
from crossentropy.cli._tell import tell
from crossentropy.errors import OutputError

_WRITERS = {".csv": "write_csv", ".parquet": "write_parquet", ".jsonl": "write_ndjson"}


@click.command()
@click.argument("run")
@click.argument("data")
@click.option(
    "--out", metavar="FILE", default="-", help="A .csv, .parquet or .jsonl file; standard output by default."
)
@click.option("--force", is_flag=True, help="Replace the file if there is one already.")
@costs_option
@prior_option
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print the predictions as JSON, one object a row.")
def predict(
    run: str,
    data: str,
    out: str,
    force: bool,
    costs: str | None,
    deployment_prior: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Write the label and the probabilities that the classifier of the folder RUN gives each row of DATA."""
    from crossentropy.bundle import check_file, write_file

    path = None if out == "-" else Path(out)
    suffix = (".jsonl" if as_json else ".csv") if path is None else path.suffix.lower()
    if path is not None:
        check_file(path, _WRITERS, force=force)
        if path.exists() and Path(data).exists() and path.samefile(data):
            raise OutputError(f"{path}: holds the data themselves.", fix="Choose another with --out.")
    settings = given_reading(given)
    from crossentropy.experiment import make_reading, predict_run

    frame, notes = predict_run(run, data, make_reading(**settings), costs, deployment_prior)
    for note in notes:
        tell("note", note, as_json=as_json)
    content = io.BytesIO()
    getattr(frame, _WRITERS[suffix])(content)
    if path is None and sys.stdout is None:
        raise OutputError("Standard output is closed.", fix="Name a file with --out.")
    if path is None:
        click.echo(content.getvalue(), nl=False)
        return
    try:
        write_file(path, content.getvalue())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}).") from None
    tell("done", f"{frame.height:,} predictions: {path}", as_json=as_json)
