"""Rows in parallel, on the threads that torch already has: as many as torch uses, none for work that is done sooner
without.

The threads of OpenMP keep a core busy for some milliseconds after their last work, in case more should come. A loss
follows the matrix products of a network, so threads of our own would find every core but one taken: measured on two
cores after an operation of torch, (1,000,000, 2) logits took 6.5 ms on our threads, and 3.1 on those that wait. So a
task goes to the library that torch has loaded, by the entry that compilers use for `#pragma omp parallel`. Where torch
came with another library, and in a forked process, which has none of the threads of the process it came from, it goes
to a few threads of our own.

Work is cut into more parts than threads, and each thread takes the next part when it has done one: a core that is
busy with something else is waited for by one part at most.
"""

from __future__ import annotations

import ctypes
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import torch

WORTH_A_THREAD = 50_000
"""Elements below which another thread costs more than it saves: about 20 microseconds."""

PARTS, WORTH_A_PART = 4, 500_000
"""Parts for each thread, if they are not below a size whose 0.1 ms hide the 5 microseconds to fetch one."""


def over_rows(rows: int, elements: int, task: Callable[[int, int], None]) -> None:
    """Call task(begin, end) for ranges that cover all rows, and wait for all of them."""
    threads = max(1, min(torch.get_num_threads(), elements // WORTH_A_THREAD, rows))
    parts = threads
    if threads > 1:
        parts = min(rows, max(threads, min(PARTS * threads, elements // WORTH_A_PART)))
    edges = [rows * part // parts for part in range(parts + 1)]
    together(threads, task, list(pairwise(edges)))


def together(threads: int, task: Callable[..., None], given: Sequence[tuple[Any, ...]]) -> None:
    """Call task(*arguments) for all that is given, on some threads, and wait; what one of them raises is raised."""
    rest, failed = iter(given), []

    def work() -> None:
        # Threads share the iterator: to take from it is one step of the interpreter, which one at a time is in.
        try:
            for arguments in rest:
                task(*arguments)
        except BaseException as error:
            failed.append(error)

    if threads == 1:
        work()
    else:
        team = _torchs() if os.getpid() == _PROCESS else None
        (team or _own)(threads, work)
    if failed:
        raise failed[0]


_PROCESS = os.getpid()
_BODY = ctypes.CFUNCTYPE(None, ctypes.c_void_p)
Team = Callable[[int, Callable[[], None]], None]


@cache
def _torchs() -> Team | None:
    for path in sorted((Path(torch.__file__).parent / "lib").glob("libgomp*.so*")):
        try:
            parallel: Any = ctypes.CDLL(str(path)).GOMP_parallel
        except (OSError, AttributeError):
            continue
        parallel.argtypes, parallel.restype = (
            (_BODY, ctypes.c_void_p, ctypes.c_uint, ctypes.c_uint),
            None,
        )
        return lambda threads, work: parallel(_BODY(lambda _: work()), None, threads, 0)
    return None


def _own(threads: int, work: Callable[[], None]) -> None:
    others = [_pool(os.getpid()).submit(work) for _ in range(threads - 1)]
    work()
    for other in others:
        other.result()


@cache
def _pool(process: int) -> ThreadPoolExecutor:
    # One for each process: threads do not survive a fork.
    return ThreadPoolExecutor(os.cpu_count() or 1, thread_name_prefix="crossentropy")
