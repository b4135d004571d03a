"""The checker beside other checkers on the corpus of `tests/check/`, and what a watch costs.

Peers: TorchFix (static, over the files), torchtest2, torch-audit and trainproof (they look at a run: see
`check_peers.py`), each installed from PyPI into an environment of its own whose python is named by $CROSSENTROPY_PEERS;
without it only this library is measured. A program counts as found if the checker says anything about it, and as a
false alarm if it does so about a correct one. The watch is timed against the same training run without it, in pairs.
"""

import contextlib
import io
import json
import multiprocessing
import os
import statistics
import subprocess
import time
import warnings
from pathlib import Path

import torch
from tests.check.figures import CORPUS, PROGRAMS, expected, figures, program
from torch import nn

import crossentropy
from crossentropy.check import check_paths, watch_script
from crossentropy.losses import linear_cross_entropy

PAIRS = 15


def measure():
    result = check_paths([CORPUS])
    found = {(program(f.path), f.line, f.rule) for f in result.findings}
    rules = {
        rule: {"mistakes": r.mistakes, "found": r.found, "false_alarms": r.false_alarms}
        for rule, r in figures(found).items()
    }
    rows = [
        row("crossentropy check", {name: name in {n for n, _, _ in found} for name in map(program, PROGRAMS)})
    ]
    rows.append(row("crossentropy watch", watched()))
    rows += peers()
    report = {
        "rules": rules,
        "mistakes": len(expected()),
        "checkers": rows,
        "watch": [cost(*shape) for shape in SHAPES],
    }
    print(json.dumps(report, indent=1))
    return report


def row(name, verdicts):
    """Count what a checker says of the programs it can be applied to: those with a mistake, and the correct ones."""
    bad = {n: v for n, v in verdicts.items() if n.startswith("bad/")}
    good = {n: v for n, v in verdicts.items() if n.startswith("good/")}
    return {
        "checker": name,
        "found": sum(v is True for v in bad.values()),
        "of": sum(v is not None for v in bad.values()),
        "false_alarms": sum(v is True for v in good.values()),
        "of_correct": sum(v is not None for v in good.values()),
        "had_nothing_to_look_at": sum(v is None for v in verdicts.values()),
    }


def watched():
    """Run each program under a watch; None where no loss was computed."""
    verdicts = {}
    for path in PROGRAMS:
        receive, send = multiprocessing.Pipe(duplex=False)
        process = multiprocessing.get_context("fork").Process(target=_watch_one, args=(path, send))
        process.start()
        process.join(60)
        verdicts[program(path)] = receive.recv() if receive.poll() else None
    return verdicts


def _watch_one(path, send):
    torch.set_num_threads(1)
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        watch, _ = watch_script(str(path))
    send.send(bool(watch.findings) if watch.sites else None)


def peers():
    """Run the other checkers, each as its makers mean it to be run."""
    python = os.environ.get("CROSSENTROPY_PEERS")
    if not python:
        return []
    command = [str(Path(python).parent / "torchfix"), str(CORPUS)]
    text = subprocess.run(command, capture_output=True, text=True).stdout
    torchfix = {name: f"{CORPUS / name}:" in text for name in map(program, PROGRAMS)}
    script = Path(__file__).with_name("check_peers.py")
    done = subprocess.run(
        [python, str(script), *map(str, PROGRAMS)], capture_output=True, text=True, check=True
    )
    verdicts = {program(path): told for path, told in json.loads(done.stdout.splitlines()[-1]).items()}
    names = ("torchtest2", "torch_audit", "trainproof")
    return [row("TorchFix", torchfix)] + [row(n, {p: v[n] for p, v in verdicts.items()}) for n in names]


def _logits(last, hidden, y):
    return nn.functional.cross_entropy(last(hidden), y)


def _chunks(last, hidden, y):
    options = nn.LinearCrossEntropyOptions(batch_chunk_size=32)
    return nn.functional.linear_cross_entropy(hidden, last.weight, y, linear_bias=last.bias, options=options)


def _tiles(last, hidden, y):
    return linear_cross_entropy(hidden, last.weight, y, linear_bias=last.bias)


# rows of a batch, features, hidden units, classes, steps of one timing, the last layer and the loss
SHAPES = (
    (32, 20, 64, 10, 400, _logits),
    (128, 784, 256, 10, 150, _logits),
    (64, 256, 256, 10_000, 15, _logits),
    (64, 256, 256, 10_000, 15, _chunks),
    (64, 256, 256, 10_000, 15, _tiles),
    (32, 20, 64, 10, 400, _tiles),
)


def cost(rows, features, hidden, classes, steps, loss):
    """Time training with and without a watch in CPU seconds of one thread, in pairs whose order alternates."""
    torch.set_num_threads(1)
    torch.manual_seed(0)
    body, last = nn.Sequential(nn.Linear(features, hidden), nn.ReLU()), nn.Linear(hidden, classes)
    optimizer = torch.optim.SGD([*body.parameters(), *last.parameters()], lr=0.01)
    x, y = torch.randn(rows, features), torch.randint(classes, (rows,))

    def train():
        start = time.process_time()
        for _ in range(steps):
            optimizer.zero_grad()
            loss(last, body(x), y).backward()
            optimizer.step()
        return time.process_time() - start

    def under_watch():
        # as in a run that has gone on for a while: the first calls are behind it
        with crossentropy.watch() as watch:
            train()
            seconds = train()
        return seconds, watch

    train()
    ratios, plain, read = [], [], []
    for pair in range(PAIRS):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            if pair % 2:
                (ours, watch), alone = under_watch(), train()
            else:
                alone, (ours, watch) = train(), under_watch()
        ratios.append(ours / alone)
        plain.append(alone / steps)
        read.append(sum(s.read for s in watch.sites.values()))
    return {
        "loss": {
            _logits: "cross_entropy",
            _chunks: "linear_cross_entropy of torch",
            _tiles: "linear_cross_entropy",
        }[loss],
        "rows": rows,
        "hidden": hidden,
        "classes": classes,
        "step_cpu_us": round(1e6 * statistics.median(plain), 1),
        "ratio_median": round(statistics.median(ratios), 4),
        "ratio_quartiles": [round(q, 4) for q in statistics.quantiles(ratios, n=4)[::2]],
        "calls": 2 * steps,
        "values_read": statistics.median(read),
    }
