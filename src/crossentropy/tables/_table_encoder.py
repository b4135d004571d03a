"""The encoder as a transformer of scikit-learn."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Self

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from crossentropy.errors import ConfigError, did_you_mean
from crossentropy.tables._encoder import Encoder
from crossentropy.tables._kinds import Kind, infer_columns
from crossentropy.tables._read import read_table
from crossentropy.tables._reading import GivenKind, Reading

__all__ = ["TableEncoder"]


class TableEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]  # scikit-learn has no hints
    """Columns of any kind to features, as `crossentropy.train` makes them.

    Takes a pandas, polars or Arrow table, an array, or a path. Numbers are standardised (and bent where their tails are
    heavy), categories one-hot, text weighed words, dates their parts, lists an indicator an item; missing values have
    a place of their own, and columns that cannot be used are left out.

    Args:
        kinds: column -> kind, in place of the one that the rules would infer: number, boolean, category, text, date,
            list, identifier.
        drop: columns to leave out.
        sparse_output: True for a SciPy array of compressed rows, False for a dense one, "auto" for sparse where text, a
            list or a category of more than 40 levels makes it so; frames (`set_output`) need dense ones.

    Attributes:
        encoder_: the fitted `Encoder`.
        columns_: one `Column` for each column: its kind, whether it is used, and why.
        feature_names_in_: the columns of the table, where it is a frame.
        n_features_in_: how many columns it has.

    Example:
        >>> import polars as pl
        >>> from sklearn.pipeline import make_pipeline
        >>> from crossentropy import LogisticRegression
        >>> frame = pl.DataFrame({"size": [1.0, None, 3.0, 2.5], "colour": ["red", "blue", "red", "red"]})
        >>> model = make_pipeline(TableEncoder(), LogisticRegression()).fit(frame, ["a", "b", "a", "a"])
        >>> model[0].get_feature_names_out().tolist()
        ['size', 'size missing', 'colour = blue', 'colour = red']
    """

    encoder_: Encoder

    def __init__(
        self,
        *,
        kinds: Mapping[str, GivenKind] | None = None,
        drop: tuple[str, ...] | list[str] = (),
        sparse_output: bool | str = "auto",
    ) -> None:
        self.kinds = kinds
        self.drop = drop
        self.sparse_output = sparse_output

    def fit(self, X: Any, y: ArrayLike | None = None) -> Self:
        """Learn the kinds, levels, terms and scales of a table.

        Args:
            X: the table (N, D).
            y: N targets; only how many classes they have is looked at: the more, the fewer terms and levels are kept.

        Raises:
            DataError: the data cannot be read as a table, or no column can be used.
            ConfigError: a setting names no column, or is out of range.
        """
        if self.sparse_output not in (True, False, "auto"):
            raise ConfigError(f"sparse_output is {self.sparse_output!r}, and must be True, False or 'auto'.")
        table = read_table(X, Reading(kinds=dict(self.kinds or {})))
        given: dict[str, Kind] = dict(self.kinds or {})
        for name in (*given, *self.drop):
            if name not in table.frame.columns:
                raise ConfigError(
                    f"{table.name} has no column {name!r}.", fix=did_you_mean(name, table.frame.columns)
                )
        n_classes = 2 if y is None else max(2, len(np.unique(np.asarray(y).astype(str))))
        columns = infer_columns(table, leave_out=dict.fromkeys(self.drop, "dropped"), given=given)
        self.encoder_ = Encoder.fit(table, columns, n_classes=n_classes)
        self.columns_ = self.encoder_.told(columns)
        self.n_features_in_ = table.frame.width
        if hasattr(X, "columns"):
            self.feature_names_in_ = np.array(table.frame.columns, dtype=object)
        return self

    def transform(self, X: Any) -> Any:
        """Return the features (N, features) in float32, dense or sparse as `sparse_output` says.

        Raises:
            DataError: the table lacks a column, or one holds values of another kind.
        """
        check_is_fitted(self)
        features = self.encoder_.transform(read_table(X, expected=self.encoder_.expected))
        sparse = features.sparse is not None if self.sparse_output == "auto" else bool(self.sparse_output)
        return features.tocsr() if sparse else features.toarray()

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[Any]:
        """Return the name of each feature."""
        check_is_fitted(self)
        return np.array(self.encoder_.feature_names, dtype=object)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.string = True
        tags.input_tags.categorical = True
        tags.input_tags.sparse = True
        return tags
