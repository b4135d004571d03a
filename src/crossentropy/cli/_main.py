"""The group of verbs, and the one place where an error becomes a message and an exit code."""

from __future__ import annotations

import signal
import sys
import traceback
from collections.abc import Sequence
from typing import NoReturn

import click

from crossentropy import __version__
from crossentropy.cli._evaluate import evaluate
from crossentropy.cli._predict import predict
from crossentropy.cli._report import report
from crossentropy.cli._train import train
from crossentropy.errors import CrossEntropyError, did_you_mean

__all__ = ["main"]


class _Verbs(click.Group):
    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and not args[0].startswith("-") and self.get_command(ctx, args[0]) is None:
            ctx.fail(f"There is no command {args[0]!r}. {did_you_mean(args[0], self.list_commands(ctx))}")
        return super().resolve_command(ctx, args)


@click.group(cls=_Verbs, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="crossentropy")
def crossentropy() -> None:
    """Train classifiers by cross-entropy: from a table to honest probabilities and a report that explains them.

    \b
    crossentropy train sklearn:digits
    crossentropy train customers.csv --target churn --out runs/churn
    crossentropy evaluate runs/churn later.csv
    crossentropy predict runs/churn new.csv --out predictions.csv

    Every command takes --debug, which shows where in the code an error came from.
    """


for _verb in (train, evaluate, predict, report):
    crossentropy.add_command(_verb)


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """Run the command and exit."""
    given = list(sys.argv[1:] if arguments is None else arguments)
    debug = "--debug" in given
    given = [a for a in given if a != "--debug"]
    # SIGTERM unwinds like an exception, so that half-written files are removed on the way out
    signal.signal(signal.SIGTERM, _terminated)
    sys.exit(_run(given, debug))


def _run(arguments: list[str], debug: bool) -> int:
    try:
        code = crossentropy.main(arguments, prog_name="crossentropy", standalone_mode=False)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except BrokenPipeError:
        # the reader of our output has gone: nothing to say, and nobody to say it to
        sys.stdout = None
        return 0
    except (Exception, KeyboardInterrupt) as error:
        if debug:
            traceback.print_exception(error)
        message, code = _told(error)
        click.echo(message, err=True)
        return code


def _told(error: BaseException) -> tuple[str, int]:
    if isinstance(error, CrossEntropyError):
        return f"Error: {error}", 2
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return "Interrupted.", 130
    if isinstance(error, OSError):
        return f"Error: {error.filename or 'the output'}: {error.strerror or error}.", 2
    return (
        f"Error: a mistake in crossentropy itself: {type(error).__name__}: {error} (--debug shows where)",
        1,
    )


def _terminated(number: int, frame: object) -> NoReturn:
    raise SystemExit(128 + number)
