"""Work on several threads: each part once, errors to the caller, callers side by side, and after a fork."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
import torch

from crossentropy.losses import _threads as threads
from crossentropy.losses import cross_entropy

TEAMS = {"torch's": threads._torchs, "own": lambda: None}


@pytest.fixture(params=list(TEAMS))
def team(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    monkeypatch.setattr(threads, "_torchs", TEAMS[request.param])
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield request.param
    torch.set_num_threads(before)


def test_this_torch_lends_its_threads():
    assert threads._torchs() is not None


@pytest.mark.parametrize("rows", [1, 2, 3, 7, 1000])
def test_every_row_is_worked_on_once_and_by_several_threads(team: str, rows: int):
    done: list[int] = []
    on, gate = set(), threading.Barrier(3)

    def task(begin: int, end: int) -> None:
        if rows == 1000 and threading.get_ident() not in on:
            on.add(threading.get_ident())
            gate.wait(20)  # passes only if three threads come here
        done.extend(range(begin, end))

    threads.over_rows(rows, 10_000_000, task)
    assert Counter(done) == Counter(range(rows))
    assert len(on) in ((3,) if rows == 1000 else (0,))


def test_small_work_stays_on_the_thread_of_the_caller(team: str):
    on: list[int] = []
    threads.over_rows(
        100, 2 * threads.WORTH_A_THREAD - 1, lambda begin, end: on.append(threading.get_ident())
    )
    assert on == [threading.get_ident()]


@pytest.mark.parametrize("bad", range(6))
def test_an_error_on_any_thread_reaches_the_caller(team: str, bad: int):
    done = []

    def task(begin: int) -> None:
        if begin == bad:
            raise KeyboardInterrupt(begin)
        done.append(begin)

    with pytest.raises(KeyboardInterrupt, match=str(bad)):
        threads.together(3, task, [(i,) for i in range(6)])
    assert bad not in done


def test_callers_side_by_side_each_get_their_own(team: str):
    z = torch.randn(3000, 50)
    t = torch.randint(50, (3000,))
    expected = [cross_entropy(z * (1 + i), t).item() for i in range(4)]
    found: dict[int, list[float]] = {}

    def work(i: int) -> None:
        found[i] = [cross_entropy(z * (1 + i), t).item() for _ in range(20)]

    crowd = [threading.Thread(target=work, args=(i,)) for i in range(4)]
    for one in crowd:
        one.start()
    for one in crowd:
        one.join()
    assert found == {i: [expected[i]] * 20 for i in range(4)}


@pytest.mark.filterwarnings("ignore:.*fork.*:DeprecationWarning")
def test_a_forked_process_has_threads_of_its_own(team: str):
    threads.together(3, lambda i: None, [(i,) for i in range(9)])  # now the parent has some
    child = os.fork()
    if child == 0:
        done: list[int] = []
        threads.together(3, done.append, [(i,) for i in range(9)])
        os._exit(0 if sorted(done) == list(range(9)) else 1)
    end = time.monotonic() + 20
    while not (ended := os.waitpid(child, os.WNOHANG))[0] and time.monotonic() < end:
        time.sleep(0.02)
    if not ended[0]:
        os.kill(child, signal.SIGKILL)
        ended = os.waitpid(child, 0)
    assert os.waitstatus_to_exitcode(ended[1]) == 0
