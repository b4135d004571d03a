"""`crossentropy evaluate`."""

from __future__ import annotations

import click


@click.command()
@click.argument("run")
@click.argument("data")
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
def evaluate(run: str, data: str, as_json: bool) -> None:
    """Say how good the classifier of the folder RUN is on DATA, which holds the target too."""
    from crossentropy.experiment import evaluate_run
    from crossentropy.report import evaluation_text

    evaluation, notes = evaluate_run(run, data)
    for note in notes:
        click.echo(f"Note: {note}", err=True)
    click.echo(evaluation.model_dump_json(indent=1) if as_json else evaluation_text(evaluation))
