"""Rows in parallel, on a few threads of our own: as many as torch uses, none for work that is done sooner without."""

from __future__ import annotations

import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import torch

WORTH_A_THREAD = 200_000
"""Elements below which a thread costs more than it saves: about 50 microseconds."""


def over_rows(rows: int, elements: int, task: Callable[[int, int], None]) -> None:
    """Call task(begin, end) for ranges that cover all rows, the last on this thread, and wait for all of them."""
    parts = max(1, min(torch.get_num_threads(), elements // WORTH_A_THREAD, rows))
    if parts == 1:
        task(0, rows)
        return
    edges = [rows * part // parts for part in range(parts + 1)]
    waiting = [_pool(os.getpid()).submit(task, *edges[part : part + 2]) for part in range(parts - 1)]
    try:
        task(*edges[-2:])
    finally:
        for future in waiting:
            future.result()


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    # One for each process: threads do not survive a fork.
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="crossentropy")
