"""Logistic and softmax regression with the penalty chosen by cross-validation, behind scikit-learn's interface."""

from __future__ import annotations

import sys
from dataclasses import replace
from numbers import Integral
from typing import Any, ClassVar, Self

import numpy as np
import sklearn
from numpy.typing import ArrayLike, NDArray
from sklearn.model_selection import check_cv
from sklearn.utils import Bunch
from sklearn.utils.metadata_routing import UNUSED, MetadataRouter, MethodMapping, process_routing

from crossentropy.errors import ConfigError
from crossentropy.linear._drop_in import check_settings
from crossentropy.linear._fit import FitSettings, attributes_of, fit_problem, seed_of
from crossentropy.linear._folds import FoldFit, FoldTask, Split, walk
from crossentropy.linear._inputs import NUMPY, read
from crossentropy.linear._predictions import LinearClassifier
from crossentropy.linear._problem import read_problem
from crossentropy.linear._record import PathRecord
from crossentropy.linear._scoring import FoldScorer, LogitsModel, scorer_of
from crossentropy.linear._targets import Targets
from crossentropy.linear._threads import one_blas_thread

__all__ = ["LogisticRegressionCV"]

Floats = NDArray[np.float64]

CLOSER = 1e-2
"""The fit that is kept ends at this share of the folds' `tol`."""


class LogisticRegressionCV(LinearClassifier):
    r"""Logistic and softmax regression with C, and l1_ratio where several are given, chosen by cross-validation.

    All folds go side by side along the path of penalties (`_folds`), each fit ends with a certificate, and the model
    that is kept is a `LogisticRegression` on all rows at the best penalty. The conventions are those of
    `LogisticRegression`; defaults that scikit-learn 1.9 is changing have their new form.

    The default score is the log-loss of held-out rows, as it will be in scikit-learn: it is the loss that is fitted, it
    judges probabilities, and it separates penalties that accuracy, a count of rows, cannot tell apart.

    Args:
        Cs: inverse strengths of the penalty, or how many of them between 1e-4 and 1e4.
        l1_ratios: mixtures of L1 and L2 to try.
        fit_intercept: whether to fit intercepts.
        cv: number of stratified folds (None: 5), a splitter of scikit-learn, or pairs of row positions. Held-out rows
            may overlap and repeat.
        scoring: name or callable of a scikit-learn scorer; None is accuracy, as there.
        tol: the relative gap at which the fits of folds end, as `LogisticRegression` defines it; the fit that is kept
            ends at a hundredth of it.
        max_iter: most Newton steps of each fit.
        class_weight: {label: weight}, "balanced" over all rows, or None for 1. It weighs the fits, not the score.
        verbose: 1 prints the score of each penalty to standard error.
        refit: fit all rows at the penalty with the best mean score; else average the folds' own best fits.
        random_state: draws the rows of the preconditioners.
        dual, penalty, solver, n_jobs, intercept_scaling, use_legacy_attributes: without meaning here. scikit-learn's
            defaults (the new ones) are accepted, anything else is refused with the reason.

    Attributes:
        classes_, coef_, intercept_, n_features_in_, feature_names_in_: as in `LogisticRegression`.
        C_, l1_ratio_: the best penalty; without `refit` the mean of the folds' best.
        Cs_: (n_cs,) penalties tried; l1_ratios_: (n_l1_ratios,) mixtures tried.
        scores_: (n_folds, n_l1_ratios, n_cs) scores of held-out rows.
        coefs_paths_: (n_folds, n_l1_ratios, n_cs, K or 1, D + 1) parameters of each fit, intercepts last, where they
            take up to 1 GiB.
        n_iter_: (n_folds, n_l1_ratios, n_cs) Newton steps.
        relative_gaps_: (n_folds, n_l1_ratios, n_cs) certified relative gap of each fit.
        out_of_fold_logits_: (N, K) logits that fits of the best penalty gave to rows they had not seen (the mean, where
            a row was held out more than once; without `refit` from each fold's own best); NaN in rows never held out.
        objective_, optimality_gap_, n_passes_, result_: of the fit that is kept, with `refit`.

    Example:
        >>> import numpy as np
        >>> from crossentropy.linear import LogisticRegressionCV
        >>> X = np.arange(40.0)[:, None]
        >>> model = LogisticRegressionCV(Cs=5, cv=4).fit(X, (np.arange(40) % 8 > 2) * (X[:, 0] > 12))
        >>> model.scores_.shape
        (4, 1, 5)
    """

    # `score` gives its metadata to the scorer; itself it needs none.
    __metadata_request__score: ClassVar[dict[str, Any]] = {"sample_weight": UNUSED, "offset": UNUSED}

    def __init__(
        self,
        *,
        Cs: int | ArrayLike = 10,
        l1_ratios: ArrayLike = (0.0,),
        fit_intercept: bool = True,
        cv: Any = None,
        dual: bool = False,
        penalty: str = "deprecated",
        scoring: Any = "neg_log_loss",
        solver: str = "lbfgs",
        tol: float = 1e-4,
        max_iter: int = 500,
        class_weight: dict[Any, float] | str | None = None,
        n_jobs: int | None = None,
        verbose: int = 0,
        refit: bool = True,
        intercept_scaling: float = 1.0,
        random_state: Any = 0,
        use_legacy_attributes: bool = False,
    ) -> None:
        self.Cs = Cs
        self.l1_ratios = l1_ratios
        self.fit_intercept = fit_intercept
        self.cv = cv
        self.dual = dual
        self.penalty = penalty
        self.scoring = scoring
        self.solver = solver
        self.tol = tol
        self.max_iter = max_iter
        self.class_weight = class_weight
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.refit = refit
        self.intercept_scaling = intercept_scaling
        self.random_state = random_state
        self.use_legacy_attributes = use_legacy_attributes

    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: ArrayLike | None = None,
        *,
        offset: ArrayLike | None = None,
        **params: Any,
    ) -> Self:
        """Choose the penalty and fit.

        Args:
            X, y, sample_weight, offset: as in `LogisticRegression.fit`. Weights count in the score too, unless metadata
                routing says otherwise.
            params: for the splitter (`groups`) and the scorer, with scikit-learn's metadata routing.

        Raises:
            ConfigError, TargetError, ShapeError, ValueError: as `LogisticRegression.fit`.
        """
        routed = self._routed("fit", sample_weight, params)
        check_settings(self.get_params(deep=False))
        Cs, l1_ratios = self._penalties()
        features, targets, margins, home = read_problem(self, X, y, sample_weight, offset, self.class_weight)
        targets.present()
        splits = self._splits(features, targets, routed.splitter.split)
        scorer = FoldScorer(self.scoring, features, targets, dict(routed.scorer.score))
        values, weights = targets.weighted()
        task = FoldTask(features, values, len(targets.classes), weights, self.fit_intercept, margins)
        record = PathRecord(splits, len(l1_ratios), len(Cs), features.dtype)
        seed = seed_of(self.random_state)
        with one_blas_thread():
            for ratio in range(len(l1_ratios)):
                fits = [
                    FoldFit(task, split, (seed, number), float(l1_ratios[ratio]))
                    for number, split in enumerate(splits)
                ]
                self._follow(fits, Cs, ratio, record, scorer)
        parameters = self._decide(record, Cs, l1_ratios, features, targets, margins, seed)
        at_home = home if sklearn.get_config()["array_api_dispatch"] else NUMPY
        for name, value in attributes_of(
            parameters, targets, features.dtype, intercept=self.fit_intercept
        ).items():
            setattr(self, name, at_home.bring(value))
        self.Cs_, self.l1_ratios_ = Cs, l1_ratios
        self.scores_, self.n_iter_, self.relative_gaps_ = record.scores, record.n_iter, record.gaps
        self._coefs_paths = record.parameters
        self.out_of_fold_logits_ = record.out_of_fold_logits(features.shape[0], per_fold=not self.refit)
        return self

    @property
    def coefs_paths_(self) -> NDArray[np.floating]:
        """(n_folds, n_l1_ratios, n_cs, K or 1, D + 1) parameters of each fit; not kept above 1 GiB."""
        kept: NDArray[np.floating] | None = getattr(self, "_coefs_paths", None)
        if kept is None:
            why = "take more than 1 GiB, and are not kept" if hasattr(self, "Cs_") else "come with fit"
            raise AttributeError(f"The parameters of the path {why}.")
        return kept

    def _settings(self, C: float, l1_ratio: float, tol: float, seed: int) -> FitSettings:
        return FitSettings(C, l1_ratio, tol, self.max_iter, bool(self.fit_intercept), seed)

    def _penalties(self) -> tuple[Floats, Floats]:
        """Return Cs and l1_ratios as arrays, checked."""
        given: Any = self.Cs
        if isinstance(given, Integral):
            if int(given) < 1:
                raise ConfigError(f"Cs is {given}, and must be at least 1.")
            given = np.logspace(-4, 4, int(given))
        Cs = _numbers("Cs", given)
        l1_ratios = _numbers("l1_ratios", self.l1_ratios)
        for C in Cs:
            for ratio in l1_ratios:
                self._settings(float(C), float(ratio), self.tol, 0)
        return Cs, l1_ratios

    def _splits(self, features: Any, targets: Targets, params: dict[str, Any]) -> list[Split]:
        """Return the rows of each fold."""
        labels = targets.classes[targets.ids]
        splitter = check_cv(5 if self.cv is None else self.cv, labels, classifier=True)
        positions = np.arange(features.shape[0])
        splits = [
            Split(positions[train], positions[held], str(number))
            for number, (train, held) in enumerate(splitter.split(features, labels, **params))
        ]
        for split in splits:
            if len(split.held) == 0:
                raise ConfigError(f"Fold {split.name} of cv holds out no row.")
        return splits

    def _follow(
        self, fits: list[FoldFit], Cs: Floats, ratio: int, record: PathRecord, scorer: FoldScorer
    ) -> None:
        """Fit all folds along the penalties, from strong to weak, and score them."""
        order = np.argsort(Cs, kind="stable")
        for c, points in zip(order, walk(fits, Cs[order], self.tol, self.max_iter), strict=True):
            scores = [scorer(split, point) for split, point in zip(record.splits, points, strict=True)]
            record.add(ratio, int(c), points, scores)
            if self.verbose:
                print(
                    f"[LogisticRegressionCV] C = {Cs[c]:.3g}: score {np.mean(scores):.6g}, relative gaps of at most "
                    f"{max(point.relative_gap for point in points):.2g}",
                    file=sys.stderr,
                )

    def _decide(
        self,
        record: PathRecord,
        Cs: Floats,
        l1_ratios: Floats,
        features: Any,
        targets: Targets,
        margins: Floats | None,
        seed: int,
    ) -> Floats:
        """Set `C_` and `l1_ratio_`, and return the parameters that are kept."""
        if not self.refit:
            chosen = record.best_of_folds
            self.C_ = float(np.mean([Cs[best.c] for best in chosen]))
            self.l1_ratio_ = float(np.mean([l1_ratios[best.ratio] for best in chosen]))
            return np.asarray(np.mean([best.points[0].parameters for best in chosen], axis=0))
        best = record.best
        self.C_, self.l1_ratio_ = float(Cs[best.c]), float(l1_ratios[best.ratio])
        result, parameters = fit_problem(
            features,
            targets,
            margins,
            self._settings(self.C_, self.l1_ratio_, self.tol * CLOSER, seed),
            start=np.mean([point.parameters for point in best.points], axis=0),
        )
        self.result_ = replace(result, parameters=parameters)
        self.objective_, self.optimality_gap_ = result.objective, result.gap
        self.n_passes_ = result.n_passes
        return parameters

    def score(
        self,
        X: Any,
        y: Any,
        *,
        sample_weight: ArrayLike | None = None,
        offset: ArrayLike | None = None,
        **params: Any,
    ) -> float:
        """Return the score that `scoring` names: by default minus the mean log-loss, nats.

        Args:
            X: features (N, D).
            y: labels (N,).
            sample_weight: (N,) weights of the rows.
            offset: margins to be added to the logits, as in `fit`.
            params: for the scorer, with scikit-learn's metadata routing.
        """
        routed = self._routed("score", sample_weight, params)
        model: LinearClassifier = self
        if offset is not None:
            model = LogitsModel.of(read(self.classes_)[0], read(self.decision_function(X, offset=offset))[0])
        return float(scorer_of(self.scoring)(model, read(X)[0], read(y)[0], **routed.scorer.score))

    def _routed(self, method: str, sample_weight: Any, params: dict[str, Any]) -> Any:
        """Return what goes to the splitter and to the scorer."""
        given = {} if sample_weight is None else {"sample_weight": read(sample_weight)[0]}
        if sklearn.get_config()["enable_metadata_routing"]:
            return process_routing(self, method, **params, **given)
        if params:
            raise ValueError(
                f"Passing {', '.join(params)} to LogisticRegressionCV.{method} is only supported if "
                "enable_metadata_routing=True (sklearn.set_config)."
            )
        return Bunch(splitter=Bunch(split={}), scorer=Bunch(score=given))

    def get_metadata_routing(self) -> MetadataRouter:
        """Return which metadata this estimator, its splitter and its scorer take."""
        return (
            MetadataRouter(owner=self)
            .add_self_request(self)
            .add(splitter=self.cv, method_mapping=MethodMapping().add(caller="fit", callee="split"))
            .add(
                scorer=scorer_of(self.scoring),
                method_mapping=MethodMapping()
                .add(caller="score", callee="score")
                .add(caller="fit", callee="score"),
            )
        )


def _numbers(name: str, given: Any) -> Floats:
    try:
        values = np.asarray(read(given)[0], dtype=np.float64)
    except (TypeError, ValueError):
        values = np.empty(0)
    if values.ndim != 1 or len(values) == 0:
        raise ConfigError(f"{name} is {given!r}, and must be a list of numbers.")
    return values
