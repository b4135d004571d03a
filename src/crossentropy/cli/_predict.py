"""`crossentropy predict`."""

from __future__ import annotations

import io
from pathlib import Path

import click

from crossentropy.errors import OutputError


@click.command()
@click.argument("run")
@click.argument("data")
@click.option(
    "--out", metavar="FILE", default="-", help="A .csv or .parquet file; standard output by default."
)
@click.option("--force", is_flag=True, help="Replace the file if there is one already.")
def predict(run: str, data: str, out: str, force: bool) -> None:
    """Write the label and the probabilities that the classifier of the folder RUN gives each row of DATA."""
    path = None if out == "-" else Path(out)
    if path is not None and path.suffix not in (".csv", ".parquet"):
        raise OutputError(
            f"{path}: a file of kind {path.suffix!r} is not written here.", fix="Use .csv or .parquet."
        )
    if path is not None and path.exists() and not force:
        raise OutputError(f"{path}: exists already.", fix="Choose another with --out, or add --force.")
    from crossentropy.bundle import write_file
    from crossentropy.experiment import predict_run

    frame = predict_run(run, data)
    content = io.BytesIO()
    if path is not None and path.suffix == ".parquet":
        frame.write_parquet(content)
    else:
        frame.write_csv(content)
    if path is None:
        click.echo(content.getvalue(), nl=False)
        return
    try:
        write_file(path, content.getvalue())
    except OSError as error:
        raise OutputError(f"{path}: cannot be written ({error.strerror}).") from None
    click.echo(f"{frame.height:,} predictions: {path}", err=True)
