"""Rows in parallel: threads of our own, one BLAS thread in each.

A pass is thousands of products of tiles that fit in cache. A BLAS that splits each of them over its own threads must
meet at the end of every one; on a busy machine each meeting waits for a thread that is not running. Measured with a
load of 5 from other processes on two cores: a pass of 6 ms took 40 to 1000 ms. So a pass is cut once, into a range of
rows a core, each thread runs the whole pass over its range, and they meet once: 10 ms on that busy machine, and the
exponentials are shared between cores as well.

The number of BLAS threads is one per process, not one per caller. `one_blas_thread` counts those who are inside, sets
1 when the first comes, and restores what was there when the last has gone; concurrent fits do not upset each other.
A forked process has none of the threads that were inside, and a lock that one of them may have held: it starts anew.
"""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from functools import cache
from itertools import pairwise
from typing import Any, TypeVar

from threadpoolctl import ThreadpoolController

__all__ = ["cores", "in_threads", "one_blas_thread", "row_ranges", "whole_fits"]

A = TypeVar("A")
T = TypeVar("T")

WORTH_A_THREAD = 2e6
"""Multiply-adds below which a thread costs more than it saves: about 0.1 ms."""

MOST = 16


class _Own(threading.local):
    ended: threading.Event | None = None


_own = _Own()
_lock = threading.Lock()
_inside = 0
_limit: Any = None


@cache
def _allowed() -> int:
    allowed = getattr(os, "sched_getaffinity", None)
    return min(MOST, len(allowed(0)) if allowed else os.cpu_count() or 1)


def cores() -> int:
    """Return how many threads a fit may use: the cores of this process, or fewer where torch was told so."""
    torch = sys.modules.get("torch")  # whoever has set a number of threads has loaded it
    chosen = getattr(torch, "get_num_threads", None)
    return max(1, min(_allowed(), int(chosen()))) if chosen else _allowed()


@cache
def _controller() -> ThreadpoolController:
    return ThreadpoolController()


@contextmanager
def one_blas_thread() -> Iterator[None]:
    """Keep BLAS to one thread a call while anyone is inside."""
    global _inside, _limit
    with _lock:
        if _inside == 0:
            _limit = _controller().limit(limits=1, user_api="blas")
        _inside += 1
    try:
        yield
    finally:
        with _lock:
            _inside -= 1
            if _inside == 0:
                _release()
                _limit.restore_original_limits()
                _release()


def _start_anew() -> None:
    global _lock, _inside
    _lock, _inside = threading.Lock(), 0


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_start_anew)


def _release() -> None:
    """Let any thread set the number of BLAS threads: recent versions of threadpoolctl heed only the last that did."""
    for library in _controller().lib_controllers:
        release = getattr(library, "clear_controlling_thread", None)
        if release is not None:
            release(force=True)


def row_ranges(n: int, work: float) -> list[slice]:
    """Cut n rows into a range a core, fewer where `work` (multiply-adds in all) is small."""
    parts = max(1, min(cores(), int(work / WORTH_A_THREAD), n))
    edges = [n * part // parts for part in range(parts + 1)]
    return [slice(low, high) for low, high in pairwise(edges)]


def in_threads(task: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    """Return [task(a) for a in arguments], on as many threads as there are cores."""
    if _own.ended is not None and _own.ended.is_set():
        raise InterruptedError("the fit was given up")
    if len(arguments) < 2 or cores() < 2:
        return [task(argument) for argument in arguments]
    with ThreadPoolExecutor(min(cores(), len(arguments))) as pool:
        return list(pool.map(task, arguments))


def whole_fits(task: Callable[[A], T], arguments: Sequence[A]) -> list[T]:
    """Return [task(a) for a in arguments], each task a fit of its own, as many at a time as there are cores.

    What a fit does between its passes takes one core. When the caller is interrupted, the fits end at their next pass.
    """
    if len(arguments) < 2 or cores() < 2:
        return [task(argument) for argument in arguments]
    ended = threading.Event()

    def run(argument: A) -> T:
        _own.ended = ended
        return task(argument)

    with ThreadPoolExecutor(min(cores(), len(arguments))) as pool:
        try:
            return list(pool.map(run, arguments))
        except BaseException:
            ended.set()
            pool.shutdown(wait=False, cancel_futures=True)
            raise
