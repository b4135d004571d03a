"""`crossentropy watch`."""

from __future__ import annotations

import sys
from pathlib import Path

import click


@click.command(context_settings={"ignore_unknown_options": True, "allow_interspersed_args": False})
@click.option("-m", "module", is_flag=True, help="SCRIPT is the name of a module, as for python -m.")
@click.option("--report", metavar="FILE", help="Write the findings and what was looked at as JSON to FILE.")
@click.option("--json", "as_json", is_flag=True, help="Tell it as JSON (given before SCRIPT).")
@click.argument("script")
@click.argument("arguments", nargs=-1, type=click.UNPROCESSED)
def watch(script: str, arguments: tuple[str, ...], module: bool, report: str | None, as_json: bool) -> int:
    """Run SCRIPT with its ARGUMENTS, unchanged, and watch the values that reach torch's losses.

    What was found goes to standard error, with the script's own file and line, and so does what was and was not looked
    at. The exit code is the script's, or 1 if the script ends with 0 and something was found.
    """
    from crossentropy.check import watch_json, watch_script

    watched, code = watch_script(script, arguments, module=module)
    sys.stdout.flush()
    click.echo(watch_json(watched) if as_json else str(watched), err=True)
    if report:
        Path(report).write_text(watch_json(watched) + "\n", encoding="utf-8")
    return code or int(bool(watched.findings))
