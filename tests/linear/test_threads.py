"""Threads of our own: ranges cover the rows once, and the number of BLAS threads is put back."""

import multiprocessing
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from crossentropy.linear import LogisticRegression
from crossentropy.linear._threads import cores, in_threads, one_blas_thread, row_ranges

from .problems import random_rows


def blas_threads():
    return [library["num_threads"] for library in threadpool_info() if library["user_api"] == "blas"]


@pytest.fixture
def two_blas_threads():
    with threadpool_limits(2, user_api="blas"):
        assert set(blas_threads()) == {2}
        yield


@pytest.mark.parametrize("n", [1, 2, 3, 1000, 1001])
@pytest.mark.parametrize("work", [0.0, 1e6, 1e12])
def test_ranges_cover_every_row_once(n, work):
    covered = np.concatenate([np.arange(n)[part] for part in row_ranges(n, work)])
    np.testing.assert_array_equal(covered, np.arange(n))


def test_results_come_in_order_and_errors_come_through():
    assert in_threads(lambda number: number * number, range(20)) == [number * number for number in range(20)]
    with pytest.raises(ZeroDivisionError):
        in_threads(lambda number: 1 // number, [1, 0])


@pytest.mark.usefixtures("two_blas_threads")
def test_blas_threads_are_one_inside_and_restored_by_the_last():
    inside, leave = threading.Event(), threading.Event()

    def other():
        with one_blas_thread():
            inside.set()
            leave.wait(30)

    thread = threading.Thread(target=other)
    with one_blas_thread():
        thread.start()
        assert inside.wait(30)
        assert set(blas_threads()) == {1}
    assert set(blas_threads()) == {1}  # the other is still inside
    leave.set()
    thread.join()
    assert set(blas_threads()) == {2}


@pytest.mark.usefixtures("two_blas_threads")
def test_blas_threads_are_restored_after_a_fit_and_after_an_error():
    LogisticRegression().fit(*random_rows(0, 50, 2, 3))
    assert set(blas_threads()) == {2}
    with pytest.raises(ZeroDivisionError), one_blas_thread():
        _ = 1 // 0
    assert set(blas_threads()) == {2}


def test_many_rows_on_many_threads_agree_with_one_range(monkeypatch):
    X, y = random_rows(1, 30000, 6, 5)  # enough work for two ranges and more
    parallel = LogisticRegression(tol=1e-12).fit(X, y)
    monkeypatch.setattr("crossentropy.linear._threads.cores", lambda: 1)
    single = LogisticRegression(tol=1e-12).fit(X, y)
    np.testing.assert_allclose(parallel.coef_, single.coef_, rtol=1e-8, atol=1e-10)


def test_threads_follow_torch():
    import torch

    before = torch.get_num_threads()
    try:
        torch.set_num_threads(1)
        assert cores() == 1
        assert len(row_ranges(100_000, 1e12)) == 1
    finally:
        torch.set_num_threads(before)


def _objective(seed):
    X, y = random_rows(seed, 3000, 8, 5)
    return LogisticRegression(tol=1e-10).fit(X, y).coef_.tobytes()


def test_concurrent_fits_of_threads_and_of_forked_processes_give_the_same_bytes():
    alone = [_objective(seed) for seed in range(4)]
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(_objective, range(4))) == alone
    with multiprocessing.get_context("fork").Pool(2) as processes:
        assert processes.map_async(_objective, range(4)).get(timeout=120) == alone
