"""The report as one offline page: templates over the summary, every value escaped, no script, nothing fetched."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from crossentropy.report import (
    _decision_words,
    _fit_words,
    _numbers,
    _pieces,
    _source_words,
    _view,
    _words,
)
from crossentropy.report._charts import path_chart, reliability_chart
from crossentropy.report._models import models_words
from crossentropy.report._sections import sections
from crossentropy.report._summary import Summary

if TYPE_CHECKING:
    from jinja2 import Environment

_FILTERS = (
    "chance",
    "clean",
    "count",
    "equally_likely",
    "figure",
    "line",
    "nats",
    "percent",
    "points",
    "quoted",
    "short",
)
_SENTENCES = (
    "accuracy_words",
    "calibration_words",
    "contributions_words",
    "cost_words",
    "interval_words",
    "label_words",
    "loss_words",
    "optimality_words",
    "parts_words",
    "penalty_words",
    "point_words",
    "positive_words",
    "rates_words",
    "repeats_words",
    "run_words",
    "skill_words",
    "slices_words",
    "temperature_words",
    "trust_words",
    "worst_words",
)


def to_html(summary: Summary) -> str:
    """Return the run told as one HTML page that needs no network and no script.

    The page fits a phone, follows the light or dark scheme, and prints. The same summary gives the same bytes.
    """
    from markupsafe import Markup

    test = summary.test
    about_bins = "Reliability diagram: how often the model was right, against how sure it said it was. "
    about_path = "Held-out loss for each C tried. "
    return (
        _environment()
        .get_template("report.html")
        .render(
            summary=summary,
            test=test,
            sections=sections(summary),
            verdict=_words.verdict(test, _numbers.quoted(summary.target), summary.repeats),
            ruler=_view.ruler(test),
            parts=_view.parts(test),
            example=_view.example(summary),
            accuracy=_view.accuracy(test),
            # the only markup that is not a template's: drawn by _charts.py from numbers, its title escaped there
            reliability=Markup(
                reliability_chart(test.calibration, about_bins + _words.calibration_words(test))
            ),
            path=Markup(path_chart(summary.penalty, about_path + _fit_words.penalty_words(summary.penalty))),
            confusion=_view.confusion(test),
            thresholds=_pieces.threshold_rows(test.positive) if test.positive else (),
            decided=_pieces.decided_row(test.positive) if test.positive else None,
            pairs=_pieces.top_pairs(test),
            classes=_view.classes(test),
            slices=_view.slices(summary),
            worst=_view.worst(summary),
            suspects=_view.suspects(summary),
            contributions=_view.contributions(summary),
            columns=_view.columns(summary),
            models=models_words(summary),
        )
    )


def house_style() -> str:
    """Return the style that every page of this package begins with: colours by day and by night, type, headings."""
    return _environment().get_template("house.css").render()


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("crossentropy.report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters.update(
        {name: getattr(_numbers, name) for name in _FILTERS}, width=_view.width, wrappable=_view.wrappable
    )
    rooms = (_words, _source_words, _decision_words, _fit_words)
    environment.globals.update(
        {name: next(getattr(r, name) for r in rooms if hasattr(r, name)) for name in _SENTENCES}
    )
    environment.globals.update(
        anchors=_pieces.anchors, between=_numbers.between, bits=_pieces.bits, percent=_numbers.percent
    )
    return environment
