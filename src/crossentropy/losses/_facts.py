"""A batch on its way through the kernels that also leaves by-products: one pass over the logits for all of it."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from crossentropy.losses import _definition as definition
from crossentropy.losses._options import SparseTarget
from crossentropy.losses._passes import RowPass, flat
from crossentropy.losses._precision import widen
from crossentropy.losses._rows import Rows


class FactPass(RowPass):
    """Logits (N, K), row by row, with the by-products of these names."""

    def __init__(self, logits: Tensor, rows: Rows, reduction: str, names: Collection[str]) -> None:
        from crossentropy.losses._fact_kernels import Facts

        super().__init__(logits, rows, reduction)
        self.logits, self.names = logits, frozenset(names)
        best = definition.likeliest(rows.target, rows.ignore_index).numpy()
        most = min(rows.options.top_k, logits.shape[1])
        self.facts = Facts(
            best=best,
            entropy=np.zeros(self._room("entropy")),
            argmax=np.full(self._room("argmax"), -1),
            rank=np.full(self._room("target_rank"), -1),
            probability=np.zeros(self._room("target_probability")),
            top=np.full((self._room("top_k"), most), -1),
            values=np.full((self._room("top_k"), most), -np.inf),
        )

    def _room(self, name: str) -> int:
        return self.n if name in self.names else 0

    def _rows(self, out: Any, begin: int, end: int) -> None:
        from crossentropy.losses._fact_kernels import rows_with_facts

        slopes = self.z[:0] if out is None else out
        rows_with_facts(
            self.z,
            slopes,
            self.terms,
            self.state,
            self.scale,
            self.losses,
            self.facts,
            self._scratch(),
            self._kept(),
            begin,
            end,
        )

    def found(self) -> dict[str, Tensor]:
        """Return the by-products by name, after a forward pass."""
        options, facts = self.rows.options, self.facts
        out = self.terms.out if self.terms.out.size else np.zeros(self.n, bool)
        weight = 1.0 if options.sample_weight is None else np.where(out, 0, flat(options.sample_weight))
        with np.errstate(all="ignore"):
            lse = np.where(out, 0, self.state.largest + np.log(self.state.powers))
            each = weight * self.losses
        arrays = {
            "losses": each,
            "logsumexp": lse,
            "entropy": facts.entropy,
            "argmax": facts.argmax,
            "target_rank": facts.rank,
            "target_probability": facts.probability,
            "top_k": facts.top,
        }
        kinds = {
            name: np.int64 if name in ("argmax", "target_rank", "top_k") else self.kind for name in arrays
        }
        kept = {name: torch.from_numpy(arrays[name].astype(kinds[name], copy=False)) for name in self.names}
        strange = torch.from_numpy(~np.isfinite(lse))
        if strange.any():
            # without a finite log-sum-exp the order is that of torch's sort, which the kernels do not know
            target = self.rows.target
            some = (
                SparseTarget(*(t[strange] for t in target)) if isinstance(target, tuple) else target[strange]
            )
            rest = definition.by_products(
                widen(self.logits[strange]),
                widen(some),
                self.rows.ignore_index,
                replace(options, ignored=None),
            )
            for name in self.names - {"losses"}:
                kept[name][strange] = rest[name]
        return kept
