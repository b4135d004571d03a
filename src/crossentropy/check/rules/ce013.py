"""CE013: batch means are averaged although the last batch may be smaller"""

from __future__ import annotations

from collections.abc import Hashable, Iterator
from typing import Any

from crossentropy.check._findings import Found, LossMean, Rule
from crossentropy.check._values import Loader

BAD = """\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

model = torch.nn.Linear(20, 10)
data = TensorDataset(torch.randn(1001, 20), torch.randint(10, (1001,)))
loader = DataLoader(data, batch_size=100)
total = 0.0
with torch.no_grad():
    for x, y in loader:
        total += F.cross_entropy(model(x), y).item()
print(total / len(loader))
"""

GOOD = """\
import torch
import torch.nn.functional as F
from torch.utils.data import DataLoader, TensorDataset

model = torch.nn.Linear(20, 10)
data = TensorDataset(torch.randn(1001, 20), torch.randint(10, (1001,)))
loader = DataLoader(data, batch_size=100)
total = 0.0
with torch.no_grad():
    for x, y in loader:
        total += F.cross_entropy(model(x), y, reduction="sum").item()
print(total / len(data))
"""


def look(event: LossMean, memory: dict[Hashable, Any]) -> Iterator[Found]:
    """Look at each mean over batches."""
    loss = event.total
    ragged = isinstance(loss.loader, Loader) and loss.loader.ragged
    if ragged and loss.evaluating and loss.spec.reduction == "mean":
        yield Found(
            event.node,
            "the mean of the batches' means: rows of a smaller last batch count for more. Sum the rows' losses, and "
            "divide by the number of rows.",
        )


RULE = Rule(
    id="CE013",
    name="mean-of-batch-means",
    severity="note",
    summary="batch means are averaged although the last batch may be smaller",
    why=(
        "A loss with reduction='mean' is the mean of its batch. Averaged over len(loader) batches, each "
        "row of a small last batch counts for more than the others: with 1,001 rows in batches of 100 the "
        "last row alone weighs 100 times as much. Multiply each batch's loss by its number of rows and "
        "divide by the number of rows of all, or use drop_last=True, or a batch size that divides the "
        "data. Only evaluation is looked at; while training, the model changes anyway."
    ),
    bad=BAD,
    good=GOOD,
    events=(LossMean,),
    look=look,
)
