"""`crossentropy evaluate`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from crossentropy.cli._options import decision_options, given_reading, prior_option, reading_options
from crossentropy.cli._tell import tell


@click.command()
@click.argument("run")
@click.argument("data")
@decision_options
@prior_option
@reading_options
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
def evaluate(
    run: str,
    data: str,
    costs: str | None,
    positive: str | None,
    deployment_prior: str | None,
    as_json: bool,
    **given: Any,
) -> None:
    """Say how good the classifier of the folder RUN is on DATA, which holds the target too."""
    settings = given_reading(given)
    from crossentropy.experiment import evaluate_run, make_reading, read_config
    from crossentropy.report import evaluation_text

    reading = make_reading(**settings)
    evaluation, notes = evaluate_run(run, data, reading, costs, deployment_prior, positive)
    for note in notes:
        tell("note", note, as_json=as_json)
    if as_json:
        click.echo(evaluation.model_dump_json(indent=1))
    else:
        click.echo(evaluation_text(evaluation, read_config(Path(run) / "config.json").target))
