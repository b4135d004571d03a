"""The part of `benchmarks/check.py` that runs in the peers' own environment: one program of the corpus, judged.

`python check_peers.py PROGRAM...` prints a JSON object: for each program and peer whether it found anything, or
null where it had nothing to work on. The peers that look at a run are given what they ask for: the program is run
once, and the outermost module, its input, the targets and the loss are taken from it. Where the loss is not computed
from a module's output as it stands, they have nothing to work on. A finding counts whatever it says, on correct
programs too.
"""

import contextlib
import io
import json
import multiprocessing
import runpy
import subprocess
import sys
import tempfile
from pathlib import Path

import torch
from torch import nn

FUNCTIONS = ("cross_entropy", "nll_loss", "binary_cross_entropy", "binary_cross_entropy_with_logits")
seen: dict = {}
depth = 0
LIMIT_S = 60


def captured(program):
    """Run the program; return model, input, target and loss, or None."""
    call, losses = nn.Module.__call__, {name: getattr(nn.functional, name) for name in FUNCTIONS}

    def module_call(self, *args, **kwargs):
        global depth
        loss = isinstance(self, nn.modules.loss._Loss)
        depth += not loss
        try:
            result = call(self, *args, **kwargs)
        finally:
            depth -= not loss
        if not loss and depth == 0 and len(args) == 1 and not kwargs:
            seen["forward"] = (self, args[0], result)
        return result

    def watched(function):
        def watched_loss(input, target, *args, **kwargs):
            forward = seen.get("forward")
            if forward is not None and forward[2] is input:
                seen["loss"] = (forward[0], forward[1], target, lambda o, t: function(o, t, *args, **kwargs))
            return function(input, target, *args, **kwargs)

        return watched_loss

    nn.Module.__call__ = module_call
    for name, function in losses.items():
        setattr(nn.functional, name, watched(function))
    with contextlib.suppress(BaseException), contextlib.redirect_stdout(io.StringIO()):
        runpy.run_path(program, run_name="__main__")
    nn.Module.__call__ = call
    for name, function in losses.items():
        setattr(nn.functional, name, function)
    return seen.get("loss")


def torchtest2(model, x, y, loss):
    from torchtest2 import check_model

    return not check_model(model, x, y, loss_fn=loss).ok


def torch_audit(model, x, y, loss):
    from torch_audit import autopatch

    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    auditor = autopatch(model, optimizer=optimizer, every_n_steps=1, reporters=[])
    for _ in range(5):
        optimizer.zero_grad()
        loss(model(x), y).backward()
        optimizer.step()
    result = auditor.finish(report=False)
    return any(f.severity.value != "INFO" for f in result.findings)


def trainproof(model, x, y, loss):
    optimizer = torch.optim.Adam(model.parameters(), lr=0.01)
    lines = []
    for step in range(200):
        optimizer.zero_grad()
        value = loss(model(x), y)
        value.backward()
        norm = torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])
        optimizer.step()
        lines.append(json.dumps({"step": step, "loss": float(value), "grad_norm": float(norm), "lr": 0.01}))
    with tempfile.TemporaryDirectory() as folder:
        log = Path(folder) / "log.jsonl"
        log.write_text("\n".join(lines) + "\n")
        command = [Path(sys.executable).parent / "trainproof", "epoch", log, "--format", "jsonl"]
        done = subprocess.run(command, capture_output=True, text=True)
    return "[FAIL]" in done.stdout or "[WARN]" in done.stdout


def judge(program):
    """Return what each peer says of a program."""
    torch.manual_seed(0)
    parts = captured(program)
    verdicts = {}
    for peer in (torchtest2, torch_audit, trainproof):
        if parts is None:
            verdicts[peer.__name__] = None
            continue
        try:
            with contextlib.redirect_stdout(io.StringIO()):
                verdicts[peer.__name__] = bool(peer(*parts))
        except Exception:
            # a loss that raises an error is found by whoever runs it
            verdicts[peer.__name__] = True
    return verdicts


def alone(path):
    """Judge a program in a process of its own."""
    receive, send = multiprocessing.Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=lambda: send.send(judge(path)))
    process.start()
    verdicts = (
        receive.recv()
        if receive.poll(LIMIT_S)
        else dict.fromkeys(("torchtest2", "torch_audit", "trainproof"))
    )
    process.join(1)
    process.kill()
    return verdicts


if __name__ == "__main__":
    torch.set_num_threads(1)
    print(json.dumps({path: alone(path) for path in sys.argv[1:]}))
