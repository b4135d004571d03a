"""The group of verbs."""

from __future__ import annotations

import click

from crossentropy import __version__
from crossentropy.cli._check import check
from crossentropy.cli._compare import compare
from crossentropy.cli._evaluate import evaluate
from crossentropy.cli._explain import explain
from crossentropy.cli._export import export
from crossentropy.cli._inspect import inspect
from crossentropy.cli._learn import learn
from crossentropy.cli._predict import predict
from crossentropy.cli._report import report
from crossentropy.cli._train import train
from crossentropy.cli._watch import watch
from crossentropy.errors import did_you_mean

__all__ = ["crossentropy"]


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
    crossentropy inspect customers.csv
    crossentropy train customers.csv --target churn --out runs/churn
    crossentropy evaluate runs/churn later.csv
    crossentropy predict runs/churn new.csv --out predictions.csv
    crossentropy compare runs/churn runs/other
    crossentropy explain runs/churn --row 17
    crossentropy export runs/churn --format onnx
    crossentropy learn --run runs/churn --open
    crossentropy check train.py
    crossentropy watch train.py --epochs 1

    Every command takes --json, which prints results and errors for machines, and --debug, which shows where in the
    code an error came from.
    """


for _verb in (train, evaluate, predict, report, compare, explain, inspect, export, learn, check, watch):
    crossentropy.add_command(_verb)
