"""Fits from threads, from processes and after a fork give the bits of serial ones."""

import subprocess
import sys

import numpy as np
import pytest
from joblib import Parallel, delayed

from crossentropy.linear import LogisticRegression, LogisticRegressionCV

from .problems import random_rows

MODELS = [LogisticRegression(), LogisticRegression(C="auto"), LogisticRegressionCV(Cs=3, cv=3)]


def fitted(model, seed):
    X, y = random_rows(seed, 1500, 12, 2 + seed % 3)
    kept = type(model)(**model.get_params()).fit(X, y)
    return np.column_stack([kept.coef_, kept.intercept_]), kept.optimality_gap_


@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_joblib_gives_what_one_by_one_gives(backend):
    tasks = [(model, seed) for model in MODELS for seed in range(3)]
    serial = [fitted(*task) for task in tasks]
    parallel = Parallel(n_jobs=3, backend=backend)(delayed(fitted)(*task) for task in tasks)
    for (one, gap), (other, its_gap) in zip(serial, parallel, strict=True):
        np.testing.assert_allclose(other, one, rtol=1e-9, atol=1e-11)
        assert its_gap == pytest.approx(gap, rel=1e-3)


FORK = """
import multiprocessing, threading, time
import numpy as np
from crossentropy.linear import LogisticRegression
from sklearn.datasets import make_classification

data = [make_classification(4000, 30, n_informative=20, n_classes=4, random_state=seed) for seed in range(4)]

def fitted(seed):
    return LogisticRegression().fit(*data[seed]).coef_

serial = [fitted(seed) for seed in range(4)]
leave = threading.Event()
busy = [threading.Thread(target=lambda: [fitted(0) for _ in iter(leave.is_set, True)]) for _ in range(2)]
for thread in busy:
    thread.start()
try:
    for _ in range(2):  # each fork meets the fits of the other threads somewhere else
        with multiprocessing.get_context("fork").Pool(2) as pool:
            forked = pool.map_async(fitted, range(4)).get(timeout=100)
finally:
    leave.set()
    for thread in busy:
        thread.join()
assert all(np.allclose(one, other, rtol=1e-9) for one, other in zip(serial, forked, strict=True))
print("same")
"""


def test_fits_in_forked_processes_finish_and_agree_even_while_the_parent_fits():
    done = subprocess.run([sys.executable, "-c", FORK], capture_output=True, text=True, timeout=300)
    assert done.stdout == "same\n", done.stderr


HELD = """
import os, signal
import numpy as np
from crossentropy.linear import LogisticRegression, _threads

with _threads._lock:  # another thread may hold it at the moment of the fork
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        LogisticRegression().fit(np.arange(8.0)[:, None], [0, 0, 1, 0, 1, 0, 1, 1])
        os._exit(0)
assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
print("finished")
"""


def test_a_lock_that_was_held_at_the_fork_does_not_stop_the_child():
    done = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, timeout=120)
    assert done.stdout == "finished\n", done.stderr
