"""The luck of the split: the same table split, trained and tested anew by other seeds."""

from __future__ import annotations

import numpy as np

from crossentropy.evaluation import Evaluation, Repeats, losses_from_logits, repeated
from crossentropy.experiment._config import Config
from crossentropy.experiment._learn import learn
from crossentropy.experiment._split import split
from crossentropy.tables import Table

__all__ = ["repeats"]


def repeats(config: Config, table: Table, first: Evaluation, trained: int) -> Repeats | None:
    """Return the figures over the run's own split and `config.repeats` further ones; None without any.

    Args:
        config: the settings; the further splits have the next seeds.
        table: the whole table.
        first: the figures of the run's own split.
        trained: the rows that it trained on.
    """
    if not config.repeats:
        return None
    own = (first.loss.value, first.skill, first.accuracy.value)
    found = [own, *(_once(config, table, config.seed + i) for i in range(1, config.repeats + 1))]
    losses, skills, rates = zip(*found, strict=True)
    known = [skill for skill in skills if skill is not None]

    def mean(values: list[float]) -> object:
        return repeated(np.array(values), first.rows, trained)

    return Repeats.model_validate(
        {
            "splits": len(found),
            "loss": mean(list(losses)),
            "skill": mean(known) if len(known) == len(found) else None,
            "accuracy": mean(list(rates)),
            "first": own[0],
            "least": min(losses),
            "most": max(losses),
        }
    )


def _once(config: Config, table: Table, seed: int) -> tuple[float, float | None, float]:
    """Return loss, skill and accuracy of one further split."""
    config = config.model_copy(update={"seed": seed % 2**32, "repeats": 0})
    sides = split(config, table, None)
    classifier = learn(config, sides.rows, lambda step, line: None).classifier
    rows = sides.held_out
    logits = classifier.calibration(classifier.model.logits(classifier.encoder.transform(rows.table)))
    share = rows.weights / rows.weights.sum()
    loss = float(share @ losses_from_logits(logits, rows.ids))
    frequency = np.bincount(rows.ids, share)
    entropy = -float((frequency[frequency > 0] * np.log(frequency[frequency > 0])).sum())
    right = float(share @ (logits.argmax(axis=1) == rows.ids))
    return loss, 1 - loss / entropy if entropy > 0 else None, right
