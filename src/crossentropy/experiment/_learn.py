"""From the rows to train on to a classifier: kinds, encoder, C, calibration and fit see these rows and no others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from time import perf_counter

import numpy as np

from crossentropy.classifier import Classifier
from crossentropy.experiment._config import Config
from crossentropy.experiment._fit import Fitted, fit
from crossentropy.experiment._rows import Rows, frequencies_of, roles
from crossentropy.tables import Column, Encoder, giveaways, infer_columns

__all__ = ["Learned", "learn"]

# Seconds that a network has even where the linear model took all of the limit.
_LEAST = 0.1


@dataclass(frozen=True, eq=False)
class Learned:
    """The classifier, what became of each column, how the fit went, and columns that give the target away."""

    classifier: Classifier
    columns: tuple[Column, ...]
    fitted: Fitted
    gifts: tuple[str, ...]

    @property
    def width(self) -> int:
        """The number of features."""
        return len(self.classifier.encoder.feature_names)


def learn(config: Config, rows: Rows, clock: Callable[[str, str], None]) -> Learned:
    """Return what was learned of the rows to train on; `clock` is told each step."""
    dropped = dict.fromkeys(config.drop, "dropped by --drop")
    columns = infer_columns(rows.table, leave_out={**dropped, **roles(config)}, given=config.kinds)
    rng = np.random.default_rng([config.seed, 2])
    gifts = tuple(str(gift) for gift in giveaways(rows.table, columns, rows.ids, rng))
    encoder = Encoder.fit(rows.table, columns, n_classes=len(rows.classes))
    features = encoder.transform(rows.table)
    clock("encode", f"Encoded {len(encoder.codes)} columns as {features.shape[1]:,} features")
    begun = perf_counter()
    fitted = fit(config, rows, features, clock)
    if config.model != "linear":
        # torch is loaded only by those who train a network
        from crossentropy.experiment._mix import with_network

        limit = config.time_limit
        left = None if limit is None else max(_LEAST, limit - (perf_counter() - begun))
        fitted = with_network(config, rows, features, fitted, clock, left)
    classifier = Classifier(
        encoder, fitted.model, fitted.calibration, rows.classes, config.target, frequencies_of(rows)
    )
    return Learned(classifier, encoder.told(columns), fitted, gifts)
