"""A summary in which every figure is another number, so that none can hide in the wrong place; and its forms read."""

from __future__ import annotations

import math
import re

from markdown_it import MarkdownIt

from crossentropy.evaluation import (
    Calibration,
    ClassFigures,
    ConfusedPair,
    CostFigures,
    Estimate,
    Evaluation,
    FormGain,
    LossParts,
    PositiveFigures,
    ReliabilityBin,
    Repeats,
    Slice,
    SuspectPair,
    ThresholdFigures,
)
from crossentropy.report import (
    ColumnNote,
    Optimality,
    Penalty,
    PenaltyPoint,
    Summary,
    SuspectLabels,
    Temperature,
    WorstRow,
    to_html,
    to_markdown,
    to_text,
)
from tests.report.pages import parse

PARSER = MarkdownIt("commonmark").enable("table")

BINS = tuple(
    ReliabilityBin(rows=rows, confidence=said, accuracy=Estimate(value=right, low=low, high=high))
    for rows, said, right, low, high in (
        (505, 0.55, 0.51, 0.46, 0.54),
        (402, 0.78, 0.69, 0.65, 0.74),
        (293, 0.92, 0.84, 0.79, 0.88),
    )
)


def threshold(at, said, precision, recall, f1):
    return ThresholdFigures(
        threshold=at,
        said=said,
        said_share=said / 1200,
        precision=precision and Estimate(value=precision, low=precision - 0.04, high=precision + 0.04),
        recall=Estimate(value=recall, low=max(0, recall - 0.03), high=recall + 0.03),
        f1=f1,
    )


TEST = Evaluation(
    rows=1200,
    weighted=False,
    classes=("ant", "bee", "cat"),
    loss=Estimate(value=0.41, low=0.37, high=0.46),
    loss_bits=0.41 / math.log(2),
    uniform=math.log(3),
    frequencies=1.02,
    skill=1 - 0.41 / 1.02,
    skill_interval=Estimate(value=1 - 0.41 / 1.02, low=0.557, high=0.639),
    accuracy=Estimate(value=0.83, low=0.81, high=0.852),
    majority=0.52,
    majority_class="bee",
    brier=Estimate(value=0.21, low=0.193, high=0.228),
    balanced_accuracy=Estimate(value=0.774, low=0.747, high=0.799),
    macro_f1=Estimate(value=0.777, low=0.751, high=0.803),
    auc=Estimate(value=0.942, low=0.933, high=0.951),
    perplexity=Estimate(value=math.exp(0.41), low=math.exp(0.37), high=math.exp(0.46)),
    parts=LossParts(
        uncertainty=Estimate(value=1.02, low=0.995, high=1.04),
        discrimination=Estimate(value=0.644, low=0.601, high=0.686),
        miscalibration=Estimate(value=0.034, low=0.0191, high=0.0513),
    ),
    calibration=Calibration(
        error=0.068, noise=0.023, bins=BINS, density=(0, 0, 0, 0, 0, 290, 215, 402, 100, 193)
    ),
    worst_share=0.27,
    worst_rows=12,
    by_class=(
        ClassFigures(
            name="ant", rows=200, row_share=0.167, loss=0.89, loss_share=0.362, recall=0.61, precision=0.662
        ),
        ClassFigures(
            name="bee", rows=624, row_share=0.52, loss=0.26, loss_share=0.329, recall=0.931, precision=0.881
        ),
        ClassFigures(
            name="cat", rows=376, row_share=0.313, loss=0.405, loss_share=0.309, recall=0.78, precision=0.803
        ),
    ),
    confusion=((122, 48, 30), (19, 581, 24), (33, 50, 293)),
    confused=(
        ConfusedPair(target="ant", label="bee", rows=48, share=0.24),
        ConfusedPair(target="cat", label="bee", rows=50, share=0.133),
        ConfusedPair(target="bee", label="ant", rows=19, share=0.03),
        ConfusedPair(target="cat", label="ant", rows=33, share=0.088),
    ),
    costs=CostFigures(
        cost=Estimate(value=0.213, low=0.187, high=0.239),
        expected=0.221,
        most_probable=Estimate(value=0.357, low=0.311, high=0.402),
        saved=Estimate(value=0.144, low=0.109, high=0.178),
        constant=0.48,
        constant_class="cat",
        relabelled=226,
    ),
    positive=PositiveFigures(
        name="ant",
        rows=200,
        share=0.167,
        by_costs=True,
        decided=threshold(1 / 11, 430, 0.711, 0.923, 0.803),
        table=(threshold(0.5, 204, 0.832, 0.681, 0.749), threshold(0.99, 0, None, 0.0, 0.0)),
    ),
)
PATH = tuple(
    PenaltyPoint(C=C, loss=loss, standard_error=error)
    for C, loss, error in (
        (0.01, 0.81, 0.011),
        (0.03, 0.57, 0.013),
        (0.3, 0.43, 0.017),
        (3.0, 0.47, 0.029),
        (100.0, 0.62, 0.037),
    )
)
SUMMARY = Summary(
    data="meadow.csv",
    target="species",
    rows_train=3601,
    rows_test=1200,
    features=17,
    seed=41,
    split="a quarter of the fields",
    test=TEST,
    penalty=Penalty(C=0.3, folds=7, path=PATH),
    temperature=Temperature(
        value=1.31,
        loss_before=0.444,
        loss_after=0.432,
        corrected=True,
        form="vector",
        gains=(
            FormGain(form="vector", gain=0.0081, standard_error=0.0027),
            FormGain(form="matrix", gain=-0.0033, standard_error=0.0041),
        ),
    ),
    optimality=Optimality(objective=0.39, gap=2.5e-7, n_iter=19, message="reached"),
    columns=(
        ColumnNote(name="wings", kind="numeric", used=True, missing=3, note="in millimetres"),
        ColumnNote(name="legs", kind="category", used=True, missing=0, note=""),
        ColumnNote(name="told", kind="text", used=False, missing=11, note="text is not read"),
    ),
    worst_rows=(
        WorstRow(
            id="r77",
            target="ant",
            label="bee",
            p_target=0.02,
            p_label=0.95,
            loss=3.91,
            cells={"wings": "61", "legs": "six"},
            image=None,
        ),
        WorstRow(
            id="r5",
            target="cat",
            label="cat",
            p_target=0.37,
            p_label=0.37,
            loss=0.994,
            cells={"wings": "8", "legs": "four"},
            image=None,
        ),
    ),
    slices=(
        Slice(
            column="wings",
            low="60",
            high="71",
            rows=291,
            row_share=0.2425,
            loss=0.73,
            loss_share=0.432,
            excess=Estimate(value=0.422, low=0.264, high=0.58),
            fall=0.249,
        ),
        Slice(
            column="told",
            rows=57,
            row_share=0.0475,
            loss=0.97,
            loss_share=0.112,
            excess=Estimate(value=0.588, low=0.071, high=1.105),
            fall=0.068,
        ),
    ),
    slices_tried=23,
    notes=("4 rows had no species.",),
    advice=("Look at the ants.", "Then at the bees."),
    labels=SuspectLabels(
        rows=3597,
        wrong=Estimate(value=31.4, low=21.6, high=44.5),
        contradicted=Estimate(value=152.2, low=134.0, high=171.8),
        found=149,
        pairs=(
            SuspectPair(target="ant", suggested="cat", rows=86),
            SuspectPair(target="bee", suggested="ant", rows=63),
        ),
        listed=(
            WorstRow(
                id="t901",
                target="bee",
                label="ant",
                p_target=0.0031,
                p_label=0.973,
                loss=5.78,
                cells={"wings": "57", "legs": "eight"},
                image=None,
            ),
        ),
    ),
)


# beside the summary: where there are further splits, the verdict is of them all
REPEATS = Repeats(
    splits=11,
    loss=Estimate(value=0.427, low=0.391, high=0.463),
    skill=Estimate(value=0.582, low=0.549, high=0.615),
    accuracy=Estimate(value=0.824, low=0.806, high=0.842),
    first=0.41,
    least=0.388,
    most=0.474,
)


def with_test(**changes):
    return SUMMARY.model_copy(update={"test": TEST.model_copy(update=changes)})


def words(text):
    return " ".join(text.replace("\u00a0", " ").split())


def markdown_words(markdown):
    parts = [
        "".join(child.content or " " for child in token.children)
        for token in PARSER.parse(markdown)
        if token.type == "inline"
    ]
    return words(" | ".join(parts))


def page_of(summary):
    return parse(to_html(summary))


def page_words(summary):
    body = page_of(summary).find("body")[0]
    return words(body.text)


TOLD = {
    "text": lambda summary: words(to_text(summary)),
    "markdown": lambda summary: markdown_words(to_markdown(summary)),
    "page": page_words,
}


def table(markdown, first, width=0):
    """Return the rows of the first Markdown table whose first head cell is `first`, and of that width if given."""
    rows, row, inside = [], [], False
    for token in PARSER.parse(markdown):
        if token.type == "table_open":
            rows, inside = [], True
        elif token.type == "tr_open":
            row = []
        elif token.type == "inline" and inside:
            row.append("".join(child.content for child in token.children))
        elif token.type == "tr_close":
            rows.append(row)
        elif token.type == "table_close":
            inside = False
            if rows[0][0] == first and len(rows[0]) == (width or len(rows[0])):
                return rows[1:]
    raise AssertionError(first)


def css(element, name):
    return float(re.search(rf"(?:^|;){name}:([\d.]+)%", element.attributes["style"]).group(1)) / 100
