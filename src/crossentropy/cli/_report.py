"""`crossentropy report`."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.argument("run")
def report(run: str) -> None:
    """Write report.html and report.md of the folder RUN anew, and print its summary."""
    from crossentropy.experiment import read_summary, write_report
    from crossentropy.report import to_text

    summary = read_summary(run)
    write_report(summary, Path(run))
    click.echo(to_text(summary))
    click.echo(f"Report: {Path(run) / 'report.html'}")
