"""Interrupted and resumed is the same as not interrupted, to the last bit; and what is not the same run is refused."""

import json
import multiprocessing
import os
import signal
import time

import numpy as np
import pytest
import torch
from safetensors.torch import load_file
from torch.utils.data import DataLoader, TensorDataset

from crossentropy.bundle import Bundle, read_bundle, write_bundle
from crossentropy.errors import BundleError, ConfigError, OutputError
from crossentropy.network import Checkpoint, Rows, Training, TrainSettings, train

from . import training_process
from .problems import network, rows, same_bits, weights_of


class InterruptionError(Exception):
    pass


def interrupted_after(steps):
    def write(record):
        if record.get("step") == steps:
            raise InterruptionError

    return write


def loader():
    data = rows()
    return DataLoader(TensorDataset(*data.inputs, data.targets, data.weights), batch_size=20, shuffle=True)


@pytest.mark.parametrize("make", [rows, loader], ids=["rows", "loader"])
@pytest.mark.parametrize("optimizer", ["adamw", "sgd"])
def test_going_on_from_any_step_is_not_having_stopped(make, optimizer, tmp_path):
    settings = TrainSettings(
        epochs=3, batch_size=20, accumulate=2, lr=0.05, optimizer=optimizer, plateau=1, patience=None
    )
    whole = network(dropout=0.3)
    expected = train(whole, make(), validation=rows(n=30), settings=settings)
    assert expected.steps == 9
    for stop in range(1, 9):
        again = {"validation": rows(n=30), "settings": settings}
        again["checkpoint"] = Checkpoint(tmp_path / f"{stop}", every=0.0)
        with pytest.raises(InterruptionError):
            train(network(dropout=0.3), make(), write=interrupted_after(stop), **again)
        module = network(dropout=0.3, seed=99)
        torch.manual_seed(stop)
        records = []
        found = train(module, make(), write=records.append, **again)
        assert records[0]["step"] == stop
        assert found == expected
        assert same_bits(weights_of(module), weights_of(whole))


def test_a_training_that_has_ended_is_not_gone_on_with(tmp_path):
    settings = TrainSettings(epochs=2)
    kept = Checkpoint(tmp_path / "run")
    first, second = network(), network(seed=1)
    expected = train(first, rows(), validation=rows(n=30), settings=settings, checkpoint=kept)
    found = train(second, rows(), validation=rows(n=30), settings=settings, checkpoint=kept, write=print)
    assert found == expected
    assert same_bits(weights_of(first), weights_of(second))


def test_the_state_goes_through_torchs_own_way_too(tmp_path):
    module = network()
    training = Training(module, torch.optim.AdamW(module.parameters()))
    module(torch.ones(2, 5)).sum().backward()
    training.optimizer.step()
    training.keep_if_best(0.5)
    torch.save(training.state_dict(), tmp_path / "state.pt")
    other = network(seed=3)
    again = Training(other, torch.optim.AdamW(other.parameters()))
    again.load_state_dict(torch.load(tmp_path / "state.pt", weights_only=True))
    assert same_bits(module.state_dict(), other.state_dict())
    assert same_bits(training.best, again.best)
    assert again.progress == training.progress


@pytest.fixture(scope="module")
def processes():
    # a server that has imported torch forks the children, each in a moment
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["tests.network.training_process"])
    return context


@pytest.fixture(scope="module")
def whole(processes, tmp_path_factory):
    """The weights of a training in a process that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole") / "run"
    process = processes.Process(target=training_process.run, args=(folder, 3600.0))
    process.start()
    process.join()
    assert process.exitcode == 0
    return load_file(f"{folder}.safetensors")


def kill_until_done(processes, folder, rng, kills):
    """Run the training, killing it a few milliseconds after it began, `kills` times; return how often it had begun."""
    struck = 0
    for _ in range(kills):
        begun = processes.Event()
        process = processes.Process(target=training_process.run, args=(folder, 0.0, begun))
        process.start()
        begun.wait(60)
        time.sleep(rng.uniform(0, 0.03))
        process.kill()
        process.join()
        struck += process.exitcode == -signal.SIGKILL
    process = processes.Process(target=training_process.run, args=(folder, 0.0))
    process.start()
    process.join()
    assert process.exitcode == 0
    return struck


def test_killed_at_random_moments_it_ends_in_the_same_bits(processes, whole, tmp_path):
    assert kill_until_done(processes, tmp_path / "run", np.random.default_rng(0), 3) > 0
    assert same_bits(load_file(tmp_path / "run.safetensors"), whole)


@pytest.mark.deep
def test_killed_at_hundreds_of_random_moments(processes, whole, tmp_path):
    rng, struck = np.random.default_rng(1), 0
    for turn in range(60):
        struck += kill_until_done(processes, tmp_path / f"run{turn}", rng, int(rng.integers(1, 8)))
        assert same_bits(load_file(tmp_path / f"run{turn}.safetensors"), whole)
    assert struck > 100


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_writes_the_state_and_then_ends_the_process(number, processes, whole, tmp_path):
    begun = processes.Event()
    process = processes.Process(target=training_process.run, args=(tmp_path / "run", 3600.0, begun))
    process.start()
    begun.wait(60)
    time.sleep(0.005)
    os.kill(process.pid, number)
    process.join()
    # an interrupt becomes a KeyboardInterrupt, which multiprocessing turns into 1
    assert process.exitcode == {signal.SIGTERM: -signal.SIGTERM, signal.SIGINT: 1}[number]
    progress = dict(read_bundle(tmp_path / "run").documents["state"]["keys"])["progress"]
    assert 0 < dict(progress["keys"])["step"] < training_process.STEPS
    assert not (tmp_path / "run.safetensors").exists()
    again = processes.Process(target=training_process.run, args=(tmp_path / "run", 3600.0))
    again.start()
    again.join()
    assert same_bits(load_file(tmp_path / "run.safetensors"), whole)


def small_training(folder, data=None, module=None, **settings):
    settings = TrainSettings(epochs=1, **settings)
    train(module or network(), data or rows(), settings=settings, checkpoint=Checkpoint(folder))


def test_handlers_are_as_they_were(tmp_path):
    before = signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)
    small_training(tmp_path / "run")
    assert (signal.getsignal(signal.SIGTERM), signal.getsignal(signal.SIGINT)) == before


def test_another_run_is_refused_and_says_what_differs(tmp_path):
    small_training(tmp_path / "run")
    with pytest.raises(ConfigError, match=r"another training: its settings are lr = 0\.002, and not 0\.1"):
        small_training(tmp_path / "run", lr=0.1)
    with pytest.raises(ConfigError, match="its data are others"):
        small_training(tmp_path / "run", data=rows(seed=1))
    changed = rows()
    changed = Rows(changed.inputs, changed.targets, changed.weights + 1)
    with pytest.raises(ConfigError, match="its data are others"):
        small_training(tmp_path / "run", data=changed)
    with pytest.raises(BundleError, match="does not fit the module"):
        small_training(tmp_path / "run", module=network(width=8))


def test_what_is_no_checkpoint_is_refused(tmp_path):
    write_bundle(tmp_path / "other", Bundle({"kind": "linear"}, {}))
    with pytest.raises(BundleError, match="holds no checkpoint"):
        small_training(tmp_path / "other")
    small_training(tmp_path / "newer")
    meta = json.loads((tmp_path / "newer" / "model.json").read_text())
    (tmp_path / "newer" / "model.json").write_text(json.dumps({**meta, "format": 99}))
    with pytest.raises(BundleError, match="format 99"):
        small_training(tmp_path / "newer")
    small_training(tmp_path / "damaged")
    arrays = next((tmp_path / "damaged").glob("*.safetensors"))
    arrays.write_bytes(arrays.read_bytes()[:-1])
    with pytest.raises(BundleError):
        small_training(tmp_path / "damaged")


def test_a_folder_that_cannot_be_written_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="file"):
        small_training(tmp_path / "file" / "run")
