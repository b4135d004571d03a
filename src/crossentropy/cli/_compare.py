"""`crossentropy compare`."""

from __future__ import annotations

import click


@click.command()
@click.argument("first", metavar="RUN")
@click.argument("second", metavar="RUN")
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON.")
def compare(first: str, second: str, as_json: bool) -> None:
    """Say which of two runs is better on the test rows that both were tested on, and by how much.

    Rows are paired, which shows far smaller differences than two losses side by side. Differences are second minus
    first.
    """
    from crossentropy.experiment import compare
    from crossentropy.report import comparison_text

    found = compare(first, second)
    click.echo(found.model_dump_json(indent=1) if as_json else comparison_text(found))
