"""What the tiles of the linear losses hold, measured: both paths keep `memory_limit`, with the heaviest options."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile

from crossentropy.losses import LossOptions, SparseTarget, linear_binary_cross_entropy, linear_cross_entropy
from crossentropy.losses import _linear_cpu as cpu
from crossentropy.losses._options import BY_PRODUCTS
from tests.losses.loss_list import random

N, D, K = 256, 16, 3000
LOGITS, LIMIT = 4 * N * K, 1 << 20
IDS = torch.randint(K, (N, 3), generator=random(0))
Q = torch.rand(N, K, generator=random(1)).softmax(1)
SPARSE = SparseTarget(IDS, torch.rand(N, 3, generator=random(2)).softmax(1))
C = torch.rand(K, generator=random(3))
HEAVY = LossOptions(bias=C, soft_cap=3.0, temperature=0.7, z_loss=0.1)


def layer(columns: int, dtype: torch.dtype = torch.float32) -> list[torch.Tensor]:
    sizes = ((N, columns), (K, columns))
    return [torch.randn(s, generator=random(4), dtype=dtype).requires_grad_() for s in sizes]


def peak_of_torch(call: Callable[[], Any]) -> int:
    """Bytes that torch's allocator held at most beyond what it held before."""
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as record:
        call()
    events = [e for e in record.profiler.kineto_results.events() if e.name() == "[memory]"]
    held = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        held += event.nbytes()
        most = max(most, held)
    return most


CALLS: dict[str, Callable[..., Any]] = {
    "dense": lambda x, w, q: linear_cross_entropy(
        x, w, q, weight=C.to(x.dtype), label_smoothing=0.1, options=HEAVY, memory_limit=LIMIT
    ),
    "by-products": lambda x, w, q: (
        linear_cross_entropy(x, w, q, options=HEAVY, by_products=BY_PRODUCTS, memory_limit=LIMIT).loss
    ),
    "binary": lambda x, w, q: linear_binary_cross_entropy(
        x, w, SPARSE, weight=C, pos_weight=C, label_smoothing=0.1, options=HEAVY, memory_limit=LIMIT
    ),
}


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16], ids=str)
@pytest.mark.parametrize("name", CALLS)
def test_the_path_through_torch_keeps_its_limit(name: str, dtype: torch.dtype):
    x, w = layer(D, dtype)
    q = Q.to(dtype)
    gradients = 4 * (x.numel() + w.numel()) + w.element_size() * w.numel()
    most = peak_of_torch(lambda: CALLS[name](x, w, q).backward())
    assert LIMIT / 4 < most - gradients <= LIMIT
    assert LIMIT < LOGITS


@pytest.mark.parametrize("limit", [1 << 19, 1 << 20, None])
@pytest.mark.parametrize("target", [IDS[:, 0], SPARSE], ids=["ids", "sparse"])
def test_the_compiled_passes_keep_their_limit(
    target: Any, limit: int | None, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(cpu, "_WORTH", 0)
    x, w = layer(64)

    def step() -> None:
        linear_cross_entropy(x, w, target, label_smoothing=0.1, memory_limit=limit).backward()

    step()  # compiled by now
    tracemalloc.start()
    step()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # by default one panel and its tile, if a hundredth of the logits is less
    least = 4 * (2 * 64 * 64 + 128 * (64 + 2 * 64))
    beside = 200 * N + 10 * K  # sums and targets: bytes for each row, and for each class
    assert most <= max(limit or LOGITS // 100, least) + beside
    # of torch's memory, the gradients alone
    assert peak_of_torch(step) <= 4 * (x.numel() + w.numel()) + beside
