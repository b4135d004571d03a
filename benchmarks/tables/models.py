"""The models: each is given training rows and gives probabilities for the test rows, with as many threads as any.

Boosted trees get categories as categories and numbers as they are; ours get what the package's encoder makes of them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import crossentropy
from crossentropy import LogisticRegressionCV, NetworkClassifier
from crossentropy.evaluation import fit_temperature
from crossentropy.tables import TableEncoder

Floats = NDArray[np.float64]
Model = Callable[[pd.DataFrame, NDArray, pd.DataFrame, int, int], Floats]


def _categories(frame: pd.DataFrame) -> list[str]:
    return [name for name in frame if not pd.api.types.is_numeric_dtype(frame[name])]


def catboost(train: pd.DataFrame, y: NDArray, test: pd.DataFrame, seed: int, threads: int) -> Floats:
    from catboost import CatBoostClassifier

    names = _categories(train)
    told = [
        part.assign(**{n: part[n].astype(object).fillna("missing").astype(str) for n in names})
        for part in (train, test)
    ]
    model = CatBoostClassifier(
        verbose=False, allow_writing_files=False, random_seed=seed, thread_count=threads, cat_features=names
    )
    return np.asarray(model.fit(told[0], y).predict_proba(told[1]))


def lightgbm(train: pd.DataFrame, y: NDArray, test: pd.DataFrame, seed: int, threads: int) -> Floats:
    from lightgbm import LGBMClassifier

    names = _categories(train)
    texts = [
        {n: part[n].astype(object).map(str, na_action="ignore") for n in names} for part in (train, test)
    ]
    levels = {n: pd.CategoricalDtype(sorted(texts[0][n].dropna().unique())) for n in names}
    told = [
        part.assign(**{n: text[n].astype(levels[n]) for n in names})
        for part, text in zip((train, test), texts, strict=True)
    ]
    model = LGBMClassifier(verbose=-1, random_state=seed, n_jobs=threads).fit(told[0], y)
    return np.asarray(model.predict_proba(told[1]))


def linear(train: pd.DataFrame, y: NDArray, test: pd.DataFrame, seed: int, threads: int) -> Floats:
    encoder = TableEncoder(sparse_output=False).fit(train, y)
    model = LogisticRegressionCV(Cs=np.logspace(-4, 3, 15)).fit(encoder.transform(train), y)
    temperature, _, _ = fit_temperature(model.out_of_fold_logits_, y.astype(np.int64))
    logits = model.decision_function(encoder.transform(test))
    logits = np.column_stack([np.zeros(len(logits)), logits]) if logits.ndim == 1 else logits
    scaled = np.exp(logits / temperature - (logits / temperature).max(axis=1, keepdims=True))
    return scaled / scaled.sum(axis=1, keepdims=True)


def auto(train: pd.DataFrame, y: NDArray, test: pd.DataFrame, seed: int, threads: int) -> Floats:
    """The command: the linear model and the network, mixed; the report on the test rows included."""
    import torch

    torch.set_num_threads(threads)
    target = "the target"
    # the test rows' targets are needed for the report alone: here they are guesses
    guesses = np.resize(np.arange(y.max() + 1), len(test))
    run = crossentropy.train(
        train.assign(**{target: y}),
        target=target,
        test=test.assign(**{target: guesses}),
        model="auto",
        seed=seed,
    )
    return run.predictions.select(r"^p_.*$").to_numpy()


def network(train: pd.DataFrame, y: NDArray, test: pd.DataFrame, seed: int, threads: int) -> Floats:
    return network_with({})(train, y, test, seed, threads)


def network_with(settings: Mapping[str, object]) -> Model:
    """Return the network with other settings than its own."""

    def fit(train: pd.DataFrame, y: NDArray, test: pd.DataFrame, seed: int, threads: int) -> Floats:
        import torch

        torch.set_num_threads(threads)
        encoder = TableEncoder(sparse_output=False).fit(train, y)
        model = NetworkClassifier(random_state=seed, **settings).fit(encoder.transform(train), y)
        return model.predict_proba(encoder.transform(test))

    return fit


MODELS: Mapping[str, Model] = {
    "linear": linear,
    "network": network,
    "auto": auto,
    "catboost": catboost,
    "lightgbm": lightgbm,
}
