"""The main job: read, split, fit, calibrate, evaluate, and save a run folder.

_config.py       the settings
_train.py        the order of the work
_rows.py         which rows can be used
_split.py        which of them test, and in which fold each is held out
_learn.py        from the rows to train on to a classifier
_fit.py          C, calibration, fit
_repeat.py       other splits of the same table
_tell.py         predictions and the worst rows
_slices.py       parts of the rows that may be harder
_judge.py        figures of probabilities and of decisions
_run.py          the finished run and its folder
_use.py          the classifier of a run on further data
_explain.py      what the columns add, of one row and of all
_compare.py      two runs on the same rows
_environment.py  what may differ between two equal runs
"""

from crossentropy.experiment._compare import compare
from crossentropy.experiment._config import Config, make_config, make_reading, read_config
from crossentropy.experiment._explain import explain_columns, explain_row
from crossentropy.experiment._run import Run, check_output, read_summary, write_report
from crossentropy.experiment._train import train
from crossentropy.experiment._use import evaluate_run, load_classifier, predict_run

__all__ = [
    "Config",
    "Run",
    "check_output",
    "compare",
    "evaluate_run",
    "explain_columns",
    "explain_row",
    "load_classifier",
    "make_config",
    "make_reading",
    "predict_run",
    "read_config",
    "read_summary",
    "train",
    "write_report",
]
