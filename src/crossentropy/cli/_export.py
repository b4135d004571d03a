"""`crossentropy export`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("run")
@click.argument("data", required=False)
@click.option("--format", "form", type=click.Choice(["onnx"]), default="onnx", help="Of the file: onnx.")
@click.option("--out", metavar="FILE", help="The file to write; model.onnx in the run folder by default.")
@click.option("--force", is_flag=True, help="Replace the file if there is one already.")
@click.option("--json", "as_json", is_flag=True, help="Print the file and the parity as JSON.")
def export(run: str, data: str | None, form: str, out: str | None, force: bool, as_json: bool) -> None:
    """Write the classifier of the folder RUN for other programs: features in, calibrated probabilities out.

    The file is there only if ONNX Runtime computes from it what the classifier says, on the rows of DATA, or else on
    rows drawn from what the encoder knows of the columns.
    """
    from crossentropy.experiment import load_classifier
    from crossentropy.export import export_onnx

    path = Path(run) / f"model.{form}" if out is None else Path(out)
    done = export_onnx(load_classifier(run), path, data, force=force)
    if as_json:
        told = {**done.__dict__, "path": str(done.path)}
        click.echo(json.dumps(told))
        return
    click.echo(f"ONNX: {done.path} ({done.size:,} bytes)")
    click.echo(
        f"Parity: on {done.rows:,} rows probabilities differ by at most {done.largest_difference:.2g} "
        f"from ours ({done.tolerance:g} is accepted)"
    )
