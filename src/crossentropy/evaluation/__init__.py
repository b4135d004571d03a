"""How good the probabilities are, and how to make them honest.

_figures.py      what an evaluation says, as data
_evaluate.py     from logits and targets to those figures
_calibration.py  the temperature, and the noise floor of a calibration error
_splits.py       stratified test rows and folds
"""

from crossentropy.evaluation._figures import (
    Calibration,
    ClassFigures,
    ConfusedPair,
    Estimate,
    Evaluation,
    Figures,
    ReliabilityBin,
)

__all__ = [
    "Calibration",
    "ClassFigures",
    "ConfusedPair",
    "Estimate",
    "Evaluation",
    "Figures",
    "ReliabilityBin",
]
