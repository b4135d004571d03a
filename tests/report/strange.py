"""Evaluations and summaries whose figures are anything: infinite, undefined, negative, or of no rows at all."""

from __future__ import annotations

from hypothesis import strategies as st

from crossentropy.evaluation import (
    Calibration,
    ClassFigures,
    ColumnShare,
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
    ThresholdFigures,
)
from crossentropy.report import Optimality, Penalty, PenaltyPoint, Temperature, WorstRow, advise
from tests.report.summaries import wines

NUMBERS = st.one_of(
    st.floats(), st.sampled_from([0.0, -0.0, 1.0, 1e-300, 1e300, 5e-324]), st.floats(0, 5), st.floats(0, 1)
)
MAYBE = st.one_of(st.none(), NUMBERS)
ROWS = st.integers(0, 10**7)
ESTIMATES = st.builds(Estimate, value=NUMBERS, low=NUMBERS, high=NUMBERS)
PARTS = st.builds(LossParts, uncertainty=ESTIMATES, discrimination=ESTIMATES, miscalibration=ESTIMATES)
BINS = st.builds(ReliabilityBin, rows=ROWS, confidence=NUMBERS, accuracy=ESTIMATES)
THRESHOLDS = st.builds(
    ThresholdFigures,
    threshold=NUMBERS,
    said=ROWS,
    said_share=NUMBERS,
    precision=st.one_of(st.none(), ESTIMATES),
    recall=st.one_of(st.none(), ESTIMATES),
    f1=MAYBE,
)
POSITIVES = st.builds(
    PositiveFigures,
    name=st.just("a"),
    rows=ROWS,
    share=NUMBERS,
    decided=THRESHOLDS,
    table=st.lists(THRESHOLDS, max_size=3).map(tuple),
)
COSTS = st.builds(
    CostFigures,
    cost=ESTIMATES,
    expected=NUMBERS,
    most_probable=ESTIMATES,
    saved=ESTIMATES,
    constant=NUMBERS,
    constant_class=st.just("a"),
    relabelled=ROWS,
)
ENDS = st.sampled_from([None, "3"])
SLICES = st.builds(
    Slice,
    column=st.just("x"),
    level=ENDS,
    low=ENDS,
    high=ENDS,
    rows=ROWS,
    row_share=NUMBERS,
    loss=NUMBERS,
    loss_share=NUMBERS,
    excess=ESTIMATES,
    fall=NUMBERS,
)
REPEATS = st.builds(
    Repeats,
    splits=ROWS,
    loss=ESTIMATES,
    skill=st.one_of(st.none(), ESTIMATES),
    accuracy=ESTIMATES,
    first=NUMBERS,
    least=NUMBERS,
    most=NUMBERS,
)
GAINS = st.builds(FormGain, gain=NUMBERS, standard_error=NUMBERS)


@st.composite
def evaluations(draw):
    k = draw(st.sampled_from([1, 2, 3, 13]))
    names = tuple(f"class {i}" for i in range(k))
    counts = st.tuples(*[ROWS] * k)
    return Evaluation(
        rows=draw(ROWS),
        classes=names,
        loss=draw(ESTIMATES),
        loss_bits=draw(NUMBERS),
        uniform=draw(NUMBERS),
        frequencies=draw(NUMBERS),
        skill=draw(MAYBE),
        skill_interval=draw(st.one_of(st.none(), ESTIMATES)),
        weighted=draw(st.booleans()),
        accuracy=draw(ESTIMATES),
        majority=draw(NUMBERS),
        majority_class=draw(st.sampled_from(names)),
        brier=draw(ESTIMATES),
        balanced_accuracy=draw(ESTIMATES),
        macro_f1=draw(ESTIMATES),
        auc=draw(st.one_of(st.none(), ESTIMATES)),
        perplexity=draw(ESTIMATES),
        parts=draw(st.one_of(st.none(), PARTS)),
        calibration=Calibration(
            error=draw(NUMBERS),
            noise=draw(NUMBERS),
            bins=tuple(draw(st.lists(BINS, max_size=4))),
            point=draw(st.one_of(st.none(), BINS)),
        ),
        costs=draw(st.one_of(st.none(), COSTS)),
        positive=draw(st.one_of(st.none(), POSITIVES)),
        worst_share=draw(NUMBERS),
        worst_rows=draw(st.integers(1, 10**6)),
        by_class=tuple(
            ClassFigures(
                name=name,
                rows=draw(ROWS),
                row_share=draw(NUMBERS),
                loss=draw(MAYBE),
                loss_share=draw(NUMBERS),
                recall=draw(MAYBE),
                precision=draw(MAYBE),
            )
            for name in names
        ),
        confusion=draw(st.tuples(*[counts] * k)),
        confused=tuple(
            ConfusedPair(target=names[0], label=names[-1], rows=draw(ROWS), share=draw(NUMBERS))
            for _ in range(draw(st.integers(0, 2)))
        ),
    )


@st.composite
def summaries_of_any_figures(draw):
    lines = st.lists(st.tuples(NUMBERS, NUMBERS), min_size=1, max_size=3).map(tuple)
    changed = wines().model_copy(
        update={
            "test": draw(evaluations()),
            "penalty": Penalty(
                C=draw(NUMBERS),
                folds=draw(ROWS),
                path=tuple(
                    PenaltyPoint(C=draw(NUMBERS), loss=draw(NUMBERS), standard_error=draw(NUMBERS))
                    for _ in range(draw(st.integers(0, 4)))
                ),
            ),
            "temperature": Temperature(
                value=draw(NUMBERS),
                loss_before=draw(MAYBE),
                loss_after=draw(MAYBE),
                corrected=draw(st.booleans()),
                form=draw(st.sampled_from(["temperature", "vector", "matrix"])),
                gains=tuple(draw(st.lists(GAINS, max_size=2))),
            ),
            "slices": tuple(draw(st.lists(SLICES, max_size=2))),
            "slices_tried": draw(ROWS),
            "repeats": draw(st.one_of(st.none(), REPEATS)),
            "optimality": Optimality(
                objective=draw(NUMBERS), gap=draw(NUMBERS), n_iter=draw(ROWS), message=""
            ),
            "contributions": tuple(
                ColumnShare(name="x", worth=draw(ESTIMATES), share=draw(st.one_of(st.none(), ESTIMATES)))
                for _ in range(draw(st.integers(0, 2)))
            ),
            "worst_rows": tuple(
                WorstRow(
                    id="7",
                    target="a",
                    label=draw(st.sampled_from("ab")),
                    p_target=draw(NUMBERS),
                    p_label=draw(NUMBERS),
                    loss=draw(NUMBERS),
                    cells={},
                    image=draw(st.one_of(st.none(), lines)),
                )
                for _ in range(draw(st.integers(0, 2)))
            ),
        }
    )
    return changed.model_copy(update={"advice": advise(changed)})
