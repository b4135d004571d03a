"""The formula and its forms: torch's cross-entropy losses, under torch's names, readable and checked.

_definition.py   the truth: each loss in a few lines of plain torch; read this first
_options.py      what the losses take beyond torch's arguments, and give beyond the loss
_rows.py         a batch of any shape as rows of logits
_fast.py         cross-entropy by the CPU kernels, as a step of autograd; says when they apply
_passes.py       a batch on its way through the kernels, and memory for its gradient
_kernels.py      one pass over each row while it is in cache
_row_loops.py    the loops over elements that they are made of
_plain_kernels.py  the same for class ids without options
_column_kernels.py  many rows together, a row in each lane: few classes, or classes that are not the last axis
_plain_columns.py  the same for class ids without options
_lines.py        the loops over rows that they are made of
_facts.py        by-products in the same pass
_fact_kernels.py    their kernels
_turn.py         rows into columns, in registers
_binary_fast.py  the same for the binary loss
_binary_kernels.py  its value and gradient, each logit once
_vector.py       what the kernels compute for each element
_guard.py        misuse that only the values give away
observers.py     where a watch sees each call
_threads.py      rows in parallel, on the threads that torch has
_activations.py  sigmoid, softmax, log_softmax, one_hot
_multiclass.py   cross_entropy, nll_loss: one class out of C
_binary.py       binary_cross_entropy_with_logits, binary_cross_entropy: each decision on its own
_linear.py       linear_cross_entropy, linear_binary_cross_entropy: the layer and the loss in one, without the logits
_linear_*.py     its inside: the problem, the tiles, the checks
_modules.py      the same as torch.nn modules
_checks.py       what is refused, and the message that says why
_option_checks.py the same of the options
_precision.py    the dtype of the arithmetic and of the result
_reduction.py    none, mean, sum

Logits and probabilities are different arguments of different functions; losses are in nats.
"""

from crossentropy.losses._activations import log_softmax, one_hot, sigmoid, softmax
from crossentropy.losses._binary import binary_cross_entropy, binary_cross_entropy_with_logits
from crossentropy.losses._guard import are_probabilities
from crossentropy.losses._linear import linear_binary_cross_entropy, linear_cross_entropy
from crossentropy.losses._linear_modules import LinearCrossEntropyLoss
from crossentropy.losses._modules import BCELoss, BCEWithLogitsLoss, CrossEntropyLoss
from crossentropy.losses._multiclass import cross_entropy, nll_loss
from crossentropy.losses._options import LossOptions, LossResult, SparseTarget

__all__ = [
    "BCELoss",
    "BCEWithLogitsLoss",
    "CrossEntropyLoss",
    "LinearCrossEntropyLoss",
    "LossOptions",
    "LossResult",
    "SparseTarget",
    "are_probabilities",
    "binary_cross_entropy",
    "binary_cross_entropy_with_logits",
    "cross_entropy",
    "linear_binary_cross_entropy",
    "linear_cross_entropy",
    "log_softmax",
    "nll_loss",
    "one_hot",
    "sigmoid",
    "softmax",
]
