"""A run told to a person: the summary is data; each rendering stands apart from it.

_summary.py   a run as data
_advice.py    what to look at next, by written rules
_sections.py  the sections and their order
_words.py, _source_words.py, _decision_words.py, _fit_words.py  the sentences, _pieces.py the tables, _numbers.py the
              numbers and names: shared by every form
_models.py    which models predict, and what each is worth alone
_comparison.py  two runs side by side; _explanation.py  one row taken apart
_text.py      the terminal; _markdown.py; _html.py with templates/, _charts.py and _images.py: the page
"""

from crossentropy.report._advice import advise
from crossentropy.report._comparison import comparison_text, comparison_verdict
from crossentropy.report._explanation import (
    ColumnPart,
    RowExplanation,
    TermPart,
    contributions_text,
    explanation_text,
)
from crossentropy.report._html import house_style, to_html
from crossentropy.report._markdown import to_markdown
from crossentropy.report._numbers import clean, figure, nats, percent, quoted
from crossentropy.report._summary import (
    ColumnNote,
    Optimality,
    PartFigures,
    Penalty,
    PenaltyPoint,
    Summary,
    SuspectLabels,
    Temperature,
    WorstRow,
    without_rows,
)
from crossentropy.report._text import evaluation_text, to_text

__all__ = [
    "ColumnNote",
    "ColumnPart",
    "Optimality",
    "PartFigures",
    "Penalty",
    "PenaltyPoint",
    "RowExplanation",
    "Summary",
    "SuspectLabels",
    "Temperature",
    "TermPart",
    "WorstRow",
    "advise",
    "clean",
    "comparison_text",
    "comparison_verdict",
    "contributions_text",
    "evaluation_text",
    "explanation_text",
    "figure",
    "house_style",
    "nats",
    "percent",
    "quoted",
    "to_html",
    "to_markdown",
    "to_text",
    "without_rows",
]
