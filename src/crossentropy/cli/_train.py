"""`crossentropy train`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from crossentropy.cli._options import decision_options, given_reading, reading_options
from crossentropy.cli._tell import tell
from crossentropy.errors import ConfigError, OutputError


@click.command()
@click.argument("data", required=False)
@click.option("--target", metavar="COLUMN", help="The column to predict.")
@click.option("--out", metavar="DIR", help="The run folder to write; runs/NAME by default.")
@click.option("--test", metavar="FILE", help="The table to test on.")
@click.option(
    "--test-size", type=float, metavar="FRACTION", help="Rows set aside to test on; 0.2 by default."
)
@click.option("--group", metavar="COLUMN", help="Rows of a group stay on one side of the split.")
@click.option("--time", metavar="COLUMN", help="When a row was: the latest rows test.")
@click.option("--group-duplicates", is_flag=True, help="Equal rows stay on one side of the split.")
@click.option("--model", metavar="NAME", help="linear (the default), network, or auto: a mixture of both.")
@click.option("--time-limit", type=float, metavar="SECONDS", help="For all fits together; cuts the network.")
@click.option(
    "--C", "C", type=float, metavar="NUMBER", help="Inverse strength of the penalty; by default chosen."
)
@click.option("--weight", metavar="COLUMN", help="A column of row weights.")
@click.option(
    "--class-weight", metavar="balanced", help="Weigh classes alike; probabilities are corrected back."
)
@decision_options
@click.option("--drop", multiple=True, metavar="COLUMN", help="A column to leave out; may be given again.")
@click.option("--id", "id", metavar="COLUMN", help="A column that names the rows.")
@click.option("--no-rows", is_flag=True, help="Show no single row in the report and in the figures.")
@click.option(
    "--repeats",
    type=int,
    metavar="NUMBER",
    help="Split, train and test so many times more: how much the figures owe to the split.",
)
@click.option("--seed", type=int, metavar="NUMBER", help="Every random choice follows from it; 0 by default.")
@reading_options
@click.option("--config", metavar="FILE", help="Repeat the run whose config.json this is.")
@click.option("--force", is_flag=True, help="Replace the run folder if there is one already.")
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON instead of the summary.")
def train(
    data: str | None, out: str | None, config: str | None, force: bool, as_json: bool, **given: Any
) -> None:
    """Train a calibrated classifier on DATA and say how good it is on rows it never saw.

    DATA is a file of CSV or other delimited text, JSON lines, Parquet or Arrow (text also as .gz or .zst), a folder or
    a quoted pattern of such files, - for standard input, or sklearn:NAME (digits, iris, wine, breast_cancer).
    """
    reading = given_reading(given)
    hidden = {"show_rows": False} if given.pop("no_rows") else {}
    # by identity: 0 equals False, and is to be refused rather than left out
    silent = {name for name, value in given.items() if value is None or value is False or value == ()}
    settings = {name: value for name, value in given.items() if name not in silent} | reading | hidden
    if config is not None and settings:
        name = next(iter(settings)).replace("_", "-")
        raise ConfigError(f"--config and --{name} were both given.", fix="Edit the config file instead.")
    if data is None and config is None:
        raise click.UsageError("Missing argument 'DATA'.")
    from crossentropy.experiment import check_output, read_config, train

    resolved = read_config(config) if config is not None else None
    source = data if data is not None else resolved.data if resolved else None
    folder = Path(out) if out is not None else Path("runs") / _name(source)
    check_output(folder, force=force)
    run = train(data, config=resolved, say=lambda line: tell("progress", line, as_json=as_json), **settings)
    run.save(folder, force=force)
    where = f"Run folder: {folder}\nReport: {folder / 'report.html'}"
    try:
        click.echo(run.summary.model_dump_json(indent=1) if as_json else f"{run}\n{where}")
    except BrokenPipeError:
        raise
    except OSError as error:
        raise OutputError(
            f"standard output: {error.strerror}; the run itself is whole, in {folder}.",
            fix=f"`crossentropy report {folder}` prints its summary.",
        ) from None
    if as_json:
        for line in where.splitlines():
            tell("done", line, as_json=True)


def _name(source: str | None) -> str:
    """Return a name for the run: that of the data without suffixes, or of the folder around a pattern."""
    if not source:
        return "run"
    if source == "-":
        return "stdin"
    path = Path(source.rpartition(":")[2])
    while any(c in path.name for c in "*?[") and path.parent != path:
        path = path.parent
    name = path.resolve().name
    for suffix in (".gz", ".zst"):
        name = name.removesuffix(suffix)
    return Path(name).stem or "run"
