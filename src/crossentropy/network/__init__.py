"""Networks trained by cross-entropy: a loop for any module that returns logits, and a classifier for tables.

The loop, which knows nothing of tables:

_train.py           the loop: steps, epochs, validation, when it ends
_data.py            rows in memory and loaders, and the order of their batches: a function of seed and epoch
_settings.py        settings, optimiser, learning rate
_members.py         the loss of one network or of members that share a batch, and what they say together
_state.py           all that changes in training, as one object that can be taken down and set up again
_checkpoint.py      when that is written: by time, and at a signal
_divergence.py      a loss that is not finite: where it began
_module.py          what a module returns, looked at before training: its shape, and no softmax behind it

The classifier:

_estimator.py       `NetworkClassifier`
_plan.py            sizes and settings by the number of rows, and what a time limit cuts
_merge.py           equal rows as one row of their summed weight
_bag.py             a network for each fold, and what each says of the fold that it did not see
_prepare.py         from features to the network's input: scaled, bent, knots; sparse ones within bounds
_table_network.py   the network: members over piecewise-linear embeddings
_saved.py           a bag as JSON data and arrays, and back
"""

from crossentropy.network._bag import Bag
from crossentropy.network._checkpoint import Checkpoint
from crossentropy.network._data import Batch, Loader, Rows
from crossentropy.network._estimator import NetworkClassifier
from crossentropy.network._module import check_module
from crossentropy.network._saved import bag_from_parts, bag_to_parts
from crossentropy.network._settings import TrainSettings
from crossentropy.network._state import Progress, Training
from crossentropy.network._table_network import TableNetwork, TableShape
from crossentropy.network._train import TrainResult, log_loss, train

__all__ = [
    "Bag",
    "Batch",
    "Checkpoint",
    "Loader",
    "NetworkClassifier",
    "Progress",
    "Rows",
    "TableNetwork",
    "TableShape",
    "TrainResult",
    "TrainSettings",
    "Training",
    "bag_from_parts",
    "bag_to_parts",
    "check_module",
    "log_loss",
    "train",
]
