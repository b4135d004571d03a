"""A signal at any moment: its own exit code, what was there intact, nothing half-written."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from crossentropy.experiment import load_classifier, read_summary
from tests.experiment.conftest import mixed_frame

from .command import COMMAND, call, contents, shell_code

CODES = {signal.SIGINT: 130, signal.SIGTERM: 143}


@pytest.fixture
def place(tmp_path):
    """A folder with a table and a run over it."""
    mixed_frame()[:300].write_csv(tmp_path / "trees.csv")
    code, _, err = call(*TRAIN, "--C", "1", cwd=tmp_path)
    assert code == 0, err
    return tmp_path


TRAIN = ["train", "trees.csv", "--target", "kind", "--drop", "weight", "--out", "run", "--force"]


def interrupted(arguments, number, after, cwd):
    process = subprocess.Popen(
        [*COMMAND, *arguments], cwd=cwd, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True
    )
    time.sleep(after)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    return shell_code(process.returncode), err


def stop_at_random(place, times, rng):
    """Retrain over a run and predict over a file, and end both at random moments."""
    predict = ["predict", "run", "trees.csv", "--out", "p.csv", "--force"]
    assert call(*predict, cwd=place)[0] == 0
    whole = {}
    for arguments in ([*TRAIN, "--C", "1"], predict):
        start = time.perf_counter()
        assert call(*arguments, cwd=place)[0] == 0
        whole[arguments[0]] = time.perf_counter() - start
    names = {p.relative_to(place) for p in place.rglob("*") if p.parent.name != "model"}
    ended = 0
    for _ in range(times):
        number = [signal.SIGINT, signal.SIGTERM][rng.integers(2)]
        C = ["1", "100"][rng.integers(2)]
        arguments = [[*TRAIN, "--C", C], predict][rng.integers(2)]
        before = contents(place)
        code, err = interrupted(arguments, number, rng.uniform(0, 1.1 * whole[arguments[0]]), place)
        # Python itself, before it has come to the first line of the program, ends with 1
        assert code in (0, CODES[number]) or (code == 1 and "runpy" in err), err
        ended += code != 0
        assert "mistake in crossentropy" not in err
        if code != 0 and arguments is predict:
            assert contents(place)["trees.csv"] == before["trees.csv"]
        assert {p.relative_to(place) for p in place.rglob("*") if p.parent.name != "model"} == names
        assert read_summary(place / "run").penalty.C in (1.0, 100.0)
        assert load_classifier(place / "run").predict_proba(mixed_frame()[:5]).shape == (5, 3)
        assert len((place / "p.csv").read_text().splitlines()) == 301
    return ended


def test_a_signal_at_a_few_random_moments(place):
    assert stop_at_random(place, 4, np.random.default_rng(0)) > 0


@pytest.mark.deep
def test_a_signal_at_hundreds_of_random_moments(place):
    assert stop_at_random(place, 200, np.random.default_rng(1)) > 100


SWALLOWS = """
import os, signal, sys, time
from crossentropy.cli import _main

class Late:
    def __del__(self):
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(0.05)

def run(given):
    try:
        late = Late()
        del late
        time.sleep(5)
        return 0
    except BaseException as error:
        return 128 + error.args[0]

_main._run = run
_main.main([])
"""


CLEANS_UP = """
import os, signal, sys, time
from crossentropy.cli import _main

def run(given):
    try:
        os.kill(os.getpid(), signal.SIGINT)
        time.sleep(5)
    finally:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            os.kill(os.getpid(), number)
        time.sleep(0.05)
        print("cleaned up", flush=True)

_main._run = run
_main.main([])
"""


def test_further_signals_do_not_interrupt_the_cleaning_up_after_the_first(tmp_path):
    done = subprocess.run([sys.executable, "-c", CLEANS_UP], cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (130, "cleaned up\n"), done.stderr


ABORTS = """
import atexit, os, signal, time
from crossentropy.cli import _main

def run(given):
    print("half", end="")
    atexit.register(os.abort)
    try:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
    except BaseException as error:
        return 128 + error.args[0]

_main._run = run
_main.main(GIVEN)
"""


@pytest.mark.parametrize(("given", "code"), [(["train"], 143), (["watch"], 134)])
def test_a_library_that_aborts_at_the_end_does_not_change_the_code_of_a_signal(tmp_path, given, code):
    """A library interrupted at its work may abort at exit; a script that is watched has what it registered run."""
    script = ABORTS.replace("GIVEN", repr(given))
    done = subprocess.run([sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True)
    assert shell_code(done.returncode) == code
    assert code != 143 or done.stdout == "half"


def test_a_signal_that_python_swallows_ends_it_all_the_same(tmp_path):
    """Python swallows what is raised inside of a destructor: here the handler runs in one."""
    start = time.perf_counter()
    done = subprocess.run([sys.executable, "-c", SWALLOWS], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 143, done.stderr
    assert done.stderr == ""
    assert time.perf_counter() - start < 4
