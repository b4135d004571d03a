"""`crossentropy report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run")
@click.option("--json", "as_json", is_flag=True, help="Print every figure as JSON instead of the summary.")
@click.option("--no-rows", is_flag=True, help="Show no single row.")
def report(run: str, as_json: bool, no_rows: bool) -> None:
    """Write report.html and report.md of the folder RUN anew, and print its summary."""
    from crossentropy.cli._tell import tell
    from crossentropy.experiment import read_summary, write_report
    from crossentropy.report import to_text, without_rows

    summary = read_summary(run)
    summary = without_rows(summary) if no_rows else summary
    write_report(summary, Path(run))
    if as_json:
        click.echo(summary.model_dump_json(indent=1))
        tell("done", f"Report: {Path(run) / 'report.html'}", as_json=True)
    else:
        click.echo(f"{to_text(summary)}\nReport: {Path(run) / 'report.html'}")
