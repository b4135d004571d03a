"""`crossentropy learn`."""

from __future__ import annotations

import json
from pathlib import Path

import click


@click.command()
@click.argument("chapter", required=False)
@click.option("--run", metavar="DIR", help="A run folder: the last chapter is about that classifier.")
@click.option(
    "--out", metavar="FILE", help="The file to write; lesson.html, in the run folder if one is given."
)
@click.option("--open", "show", is_flag=True, help="Open the page in the browser.")
@click.option("--json", "as_json", is_flag=True, help="Print the file and its address as JSON.")
def learn(chapter: str | None, run: str | None, out: str | None, show: bool, as_json: bool) -> None:
    """Write the lesson: one offline page on what the loss means, by things to move.

    CHAPTER is where it opens: classifier, sigmoid, loss, classes, softmax, crossentropy, gradient, pytorch, reading
    or run.
    """
    from crossentropy.cli._tell import tell
    from crossentropy.learn import chapter_address, write_lesson

    place = chapter_address(chapter)
    path = write_lesson(Path(out) if out else Path(run or "") / "lesson.html", run)
    address = path.absolute().as_uri() + place
    click.echo(json.dumps({"lesson": str(path), "address": address}) if as_json else f"Lesson: {path}{place}")
    if show:
        import webbrowser

        if not webbrowser.open(address):
            tell("note", "No browser could be started here: open the file in one.", as_json=as_json)
