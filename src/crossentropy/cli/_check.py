"""`crossentropy check`."""

from __future__ import annotations

import click


def _list(text: str) -> list[str]:
    return [part for part in text.split(",") if part.strip()]


@click.command()
@click.argument("paths", nargs=-1, metavar="PATH...")
@click.option(
    "--select", default="", metavar="RULES", help="Only these rules, by id or name, with commas between."
)
@click.option("--ignore", default="", metavar="RULES", help="Not these rules.")
@click.option(
    "--format", "style", type=click.Choice(["text", "json", "sarif"]), default="text", help="How to tell it."
)
@click.option("--json", "as_json", is_flag=True, help="The same as --format json.")
@click.option(
    "--fix",
    is_flag=True,
    help="Mend what can be mended without changing any result; notebooks are left as they are.",
)
@click.option("--explain", metavar="RULE", help="Print the page of a rule: why, a bad and a good example.")
def check(
    paths: tuple[str, ...],
    select: str,
    ignore: str,
    style: str,
    as_json: bool,
    fix: bool,
    explain: str | None,
) -> int:
    """Find misuse of the loss in the Python files and notebooks of PATH..., without running them.

    Exit codes: 0 nothing was found, 1 something was found, 2 wrong use, or a file that cannot be read.
    `# crossentropy: ignore[CE001]` on a line silences a rule there.
    """
    from crossentropy import __version__
    from crossentropy.check import check_paths, fix_files, rule_page, to_json, to_sarif, to_text

    if explain:
        click.echo(rule_page(explain))
        return 0
    if not paths:
        raise click.UsageError("Missing argument 'PATH...'.")
    result = check_paths(paths, select=_list(select), ignore=_list(ignore))
    if fix:
        for path, number in fix_files(result.findings).items():
            click.echo(f"Mended {number} in {path}", err=True)
        result = check_paths(paths, select=_list(select), ignore=_list(ignore))
    for text in result.unread:
        click.echo(f"Not checked: {text}", err=True)
    style = "json" if as_json else style
    if style == "sarif":
        click.echo(to_sarif(result, __version__))
    else:
        click.echo(to_text(result) if style == "text" else to_json(result))
    if result.unread:
        return 2
    return 1 if result.findings else 0
