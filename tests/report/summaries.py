"""Summaries to render: from real fits, and from made logits where a shape matters more than the data."""

from __future__ import annotations

from functools import cache

import numpy as np
from sklearn.datasets import load_breast_cancer, load_digits, load_wine
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from crossentropy.evaluation import (
    ColumnShare,
    CostFigures,
    Estimate,
    PositiveFigures,
    Slice,
    ThresholdFigures,
    evaluate,
    losses_from_logits,
    stratified_test,
)
from crossentropy.report import (
    ColumnNote,
    Optimality,
    Penalty,
    PenaltyPoint,
    Summary,
    Temperature,
    WorstRow,
    advise,
)

PATH = tuple(
    PenaltyPoint(C=c, loss=loss, standard_error=0.01 + 0.002 * i)
    for i, (c, loss) in enumerate(
        [(0.001, 0.61), (0.01, 0.31), (0.1, 0.19), (1.0, 0.172), (10.0, 0.181), (100.0, 0.24)]
    )
)


def worst_rows(logits, targets, classes, cells, images=None, n=6):
    shifted = logits - logits.max(axis=1, keepdims=True)
    p = np.exp(shifted) / np.exp(shifted).sum(axis=1, keepdims=True)
    losses = losses_from_logits(logits, targets)
    rows = []
    for i in np.argsort(-losses)[:n]:
        label = int(p[i].argmax())
        rows.append(
            WorstRow(
                id=str(i),
                target=str(classes[targets[i]]),
                label=str(classes[label]),
                p_target=float(p[i, targets[i]]),
                p_label=float(p[i, label]),
                loss=float(losses[i]),
                cells=cells[i] if cells else {},
                image=None if images is None else tuple(tuple(float(v) for v in line) for line in images[i]),
            )
        )
    return tuple(rows)


def summary_from(logits, targets, classes, *, data, target, columns=(), cells=None, images=None, **changes):
    """Return a whole summary around logits; `changes` replace its fields."""
    columns = tuple(columns)
    fields = {
        "data": data,
        "target": target,
        "rows_train": 3 * len(targets),
        "rows_test": len(targets),
        "features": max(1, len(columns)),
        "seed": 0,
        "split": "a quarter of the rows, drawn at random within each class",
        "test": evaluate(logits, targets, classes=classes),
        "penalty": Penalty(C=1.0, folds=5, path=PATH),
        "temperature": Temperature(value=1.14, loss_before=0.1764, loss_after=0.1721, corrected=False),
        "optimality": Optimality(objective=0.0912, gap=3.1e-8, n_iter=41, message="gap below the tolerance"),
        "columns": columns,
        "worst_rows": worst_rows(logits, targets, classes, cells, images),
        "notes": ("3 rows without a target were left out.",),
        "advice": (),
    }
    summary = Summary(**(fields | changes))
    return summary if summary.advice else summary.model_copy(update={"advice": advise(summary)})


def _fitted(features, targets, C):
    test = stratified_test(targets, 0.25, np.random.default_rng(0))
    scaler = StandardScaler().fit(features[~test])
    model = LogisticRegression(C=C, max_iter=300).fit(scaler.transform(features[~test]), targets[~test])
    scores = model.decision_function(scaler.transform(features[test]))
    logits = np.stack([np.zeros_like(scores), scores], axis=1) if scores.ndim == 1 else scores
    return logits, test


@cache
def digits() -> Summary:
    """Ten classes; every row is an image."""
    x, y = load_digits(return_X_y=True)
    logits, test = _fitted(x, y, 1.0)
    columns = [
        ColumnNote(
            name=f"pixel_{i}",
            kind="numeric" if i else "constant",
            used=i != 0,
            missing=0,
            note="" if i else "every value is 0",
        )
        for i in range(64)
    ]
    return summary_from(
        logits,
        y[test],
        range(10),
        data="digits.csv",
        target="digit",
        columns=columns,
        images=x[test].reshape(-1, 8, 8) / 16,
    )


def _tabular(data, name, target, C):
    logits, test = _fitted(data.data, data.target, C)
    names = [str(n) for n in data.feature_names]
    cells = [{n: f"{v:.4g}" for n, v in zip(names, row, strict=True)} for row in data.data[test]]
    columns = [
        ColumnNote(name=n, kind="numeric", used=True, missing=i % 4, note="") for i, n in enumerate(names)
    ]
    columns.append(
        ColumnNote(name="id", kind="identifier", used=False, missing=0, note="every value differs")
    )
    columns.append(
        ColumnNote(
            name="remarks", kind="text", used=False, missing=212, note="text is not read yet; it may help"
        )
    )
    return summary_from(
        logits,
        data.target[test],
        data.target_names,
        data=name,
        target=target,
        columns=columns,
        cells=cells,
        contributions=shares(names),
    )


def shares(names):
    """What columns are worth: the first the most, the last one nothing."""
    found = []
    for i, name in enumerate(names):
        worth = 0.3 / (i + 1) if i < len(names) - 1 else -0.001
        worth = Estimate(value=worth, low=worth - 0.02, high=worth + 0.02)
        share = Estimate(value=worth.value / 0.9, low=worth.low / 0.9, high=worth.high / 0.9)
        found.append(ColumnShare(name=name, worth=worth, share=share if i % 5 else None))
    return tuple(found)


@cache
def tumours() -> Summary:
    """Two classes, thirty numeric columns."""
    return _tabular(load_breast_cancer(), "breast_cancer.parquet", "diagnosis", 0.1)


@cache
def wines() -> Summary:
    """Three classes, few test rows."""
    return _tabular(load_wine(), "wine.csv", "cultivar", 1.0)


@cache
def made(k: int = 26, n: int = 1500, names: str = "letters", signal: float = 3.5, seed: int = 0) -> Summary:
    """Made logits for k classes of falling frequency."""
    rng = np.random.default_rng(seed)
    frequency = 1 / np.arange(2, k + 2)
    targets = rng.choice(k, n, p=frequency / frequency.sum())
    logits = rng.normal(size=(n, k)) + np.log(frequency)
    logits[np.arange(n), targets] += signal
    logits[np.arange(n), (targets + 1) % k] += signal * 0.6
    columns = [
        ColumnNote(name=f"column {i}", kind="numeric", used=True, missing=0, note="") for i in range(300)
    ]
    cells = [{c.name: f"{v:.3f}" for c, v in zip(columns[:30], rng.normal(size=30), strict=True)}] * n
    return summary_from(
        logits,
        targets,
        class_names(k, names),
        data=f"made_{k}.csv",
        target="kind",
        columns=columns,
        cells=cells,
    )


NASTY = (
    "<script>alert(1)</script>",
    "</style><img src=x onerror=alert(1)>",
    'x" onload="alert(1)',
    "{{ 7 * 7 }} {% raw %}",
    "a|b|c",
    "[click](http://evil.example)",
    "![i](http://evil.example/x.png)",
    "`code` **bold** _it_ ~~no~~ # h",
    "<b>&lt;b&gt;&amp;</b>",
    "\x1b[31mred\x07 bell",
    "two\nlines\r\n\n# heading",
    "\u202egnp.exe\u2066 override",
    "שלום עולם",
    "مرحبا",
    "👩\u200d👩\u200d👧 family 🎉",
    "漢字かな交じり文" * 12,
    "x" * 300,
    "",
    " \t ",
    "1. one",
    "- dash",
    "https://evil.example www.evil.example me@evil.example",
    "back\\slash\\",
    "javascript:alert(1)",
    "half a pair \ud800",
    "$x^2$ \\alpha",
    "<!-- comment -->",
)


def named(names, *, image: bool = False) -> Summary:
    """Return a summary that carries the given names wherever data can reach a report."""
    names = list(names)
    k = len(names)
    rng = np.random.default_rng(1)
    targets = np.arange(4 * k) % k
    logits = rng.normal(size=(4 * k, k))
    logits[np.arange(4 * k), targets] += 1.5
    columns = [
        ColumnNote(name=n, kind=n, used=i % 2 == 0, missing=i, note=f"note {n}") for i, n in enumerate(names)
    ]
    # beside the name a number, so that equal names stay apart as keys
    cells = [{f"{i} {n}": f"{n}" for i, n in enumerate(names)}] * len(targets)
    pictures = rng.random((len(targets), 5, 4)) if image else None
    summary = summary_from(
        logits,
        targets,
        names,
        data=f"data {names[0]}",
        target=f"target {names[0]}",
        columns=columns,
        contributions=shares(names),
        cells=cells,
        images=pictures,
        slices=tuple(part(f"column {n}", n, i) for i, n in enumerate(names[:5])),
        slices_tried=40,
        notes=tuple(f"note {n}" for n in names),
        advice=tuple(f"look at {n}" for n in names[:4]),
        split=f"split {names[0]}",
    )
    costly = {"costs": costs(names[0]), "positive": positive(names[-1])}
    return summary.model_copy(update={"test": summary.test.model_copy(update=costly)})


def costs(name):
    one = Estimate(value=0.2, low=0.1, high=0.3)
    return CostFigures(
        cost=one,
        expected=0.21,
        most_probable=one,
        saved=one,
        constant=0.5,
        constant_class=name,
        relabelled=3,
    )


def positive(name):
    share = Estimate(value=0.5, low=0.4, high=0.6)
    at = ThresholdFigures(threshold=0.5, said=10, said_share=0.2, precision=share, recall=share, f1=0.5)
    return PositiveFigures(name=name, rows=9, share=0.2, by_costs=True, decided=at, table=(at,))


def part(column, value, i):
    """Rows told by a level, by ends, or as missing, in turn."""
    told = [{"level": value}, {"low": value, "high": value}, {}][i % 3]
    return Slice(
        column=column,
        **told,
        rows=40,
        row_share=0.1,
        loss=1.5,
        loss_share=0.3,
        excess=Estimate(value=0.5, low=0.1, high=0.9),
        fall=0.2 / (i + 1),
    )


def class_names(k: int, style: str = "letters") -> list[str]:
    if style == "letters" and k <= 26:
        return [chr(65 + i) for i in range(k)]
    if style == "long":
        words = (
            "administration",
            "bioinformatics-and-phylogenetics",
            "communication",
            "debug symbols for",
            "electronics",
        )
        return [f"{words[i % 5]} {words[(i // 5) % 5]} {i}" for i in range(k)]
    return [f"class-{i}" for i in range(k)]
