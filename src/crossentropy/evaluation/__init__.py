"""How good the probabilities are, and how to make them honest.

_figures.py      what an evaluation says, as data
_evaluate.py     from logits and targets to those figures
_intervals.py    95 % intervals of weighted means
_bootstrap.py    95 % intervals of anything, by redrawing the rows
_rates.py        figures of labels and ranking, over many draws at once
_recalibrate.py  the loss after mending the confidence, out of sample
_calibration.py  the calibration error with its noise floor, and the temperature
_mixture.py      several classifiers as one, by weights that suit rows which none of them saw
_forms.py        richer calibration, where it pays
_splits.py       test rows and folds, by class, group or time
_contributions.py  what each column is worth
_costs.py        the label that costs least
_thresholds.py   one of two classes to find
_frequencies.py  class frequencies as they are given
_given.py        JSON of what is given about classes
_compare.py      two classifiers on the same rows
_slices.py       where the loss comes from, by values of the columns
_labels.py       labels that are probably wrong
"""

from crossentropy.evaluation._calibration import fit_temperature
from crossentropy.evaluation._compare import compare_losses
from crossentropy.evaluation._contributions import column_shares
from crossentropy.evaluation._costs import cheapest, cost_figures, costs_data, read_costs
from crossentropy.evaluation._evaluate import evaluate, losses_from_logits
from crossentropy.evaluation._figures import (
    Calibration,
    ChangedRow,
    ClassChange,
    ClassFigures,
    ColumnShare,
    Comparison,
    ConfusedPair,
    CostFigures,
    Estimate,
    Evaluation,
    Figures,
    FormGain,
    LossParts,
    PositiveFigures,
    ReliabilityBin,
    Repeats,
    Slice,
    SuspectPair,
    ThresholdFigures,
)
from crossentropy.evaluation._forms import LogitMap, fit_calibration
from crossentropy.evaluation._frequencies import read_frequencies
from crossentropy.evaluation._intervals import repeated
from crossentropy.evaluation._labels import LabelErrors, find_label_errors
from crossentropy.evaluation._mixture import fit_mixture, mix
from crossentropy.evaluation._slices import Part, find_slices
from crossentropy.evaluation._splits import (
    group_folds,
    group_test,
    latest_test,
    stratified_folds,
    stratified_test,
    time_blocks,
)
from crossentropy.evaluation._thresholds import positive_class, positive_figures, threshold_of

__all__ = [
    "Calibration",
    "ChangedRow",
    "ClassChange",
    "ClassFigures",
    "ColumnShare",
    "Comparison",
    "ConfusedPair",
    "CostFigures",
    "Estimate",
    "Evaluation",
    "Figures",
    "FormGain",
    "LabelErrors",
    "LogitMap",
    "LossParts",
    "Part",
    "PositiveFigures",
    "ReliabilityBin",
    "Repeats",
    "Slice",
    "SuspectPair",
    "ThresholdFigures",
    "cheapest",
    "column_shares",
    "compare_losses",
    "cost_figures",
    "costs_data",
    "evaluate",
    "find_label_errors",
    "find_slices",
    "fit_calibration",
    "fit_mixture",
    "fit_temperature",
    "group_folds",
    "group_test",
    "latest_test",
    "losses_from_logits",
    "mix",
    "positive_class",
    "positive_figures",
    "read_costs",
    "read_frequencies",
    "repeated",
    "stratified_folds",
    "stratified_test",
    "threshold_of",
    "time_blocks",
]
