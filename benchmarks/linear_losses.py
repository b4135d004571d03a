"""The losses of a linear layer: time and memory of forward and backward, against torch and its compositions.

Each contender runs in a process of its own: once to compile and to warm up, then a few times for the median, then once
more for the memory: the peak of the resident set above what was there before, less the two gradients. Every contender's
loss and gradients are held against a float64 reference on a few rows and classes before its time counts.

Contenders: the composition of `F.linear` and `F.cross_entropy`, plain and under `torch.compile`; torch's
`F.linear_cross_entropy` as it is and with its chunks; cut-cross-entropy's form for the CPU, if it is installed
(`benchmarks/requirements.txt`); and the three matrix products alone, by torch, with the logits in memory, which is what
all of them would cost without a loss.
"""

import json
import os
import statistics
import subprocess
import sys
import time
from pathlib import Path

SHAPES = {"4096x768x32000": (4096, 768, 32000), "1024x2048x65536": (1024, 2048, 65536)}
CONTENDERS = (
    "ours",
    "ours, 64 MiB",
    "products alone",
    "eager",
    "torch linear_cross_entropy",
    "torch chunked",
    "compiled",
    "cut-cross-entropy",
)
REPEATS = 3
TRAINING = ("torch", "ours")


def resident(field="VmRSS"):
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field):
            return int(line.split()[1]) * 1024
    raise LookupError(field)


def loss_of(name):
    import torch
    from torch.nn import functional

    from crossentropy.losses import linear_cross_entropy

    def eager(x, w, t):
        return functional.cross_entropy(functional.linear(x, w), t)

    if name == "ours":
        return linear_cross_entropy
    if name == "ours, 64 MiB":
        return lambda x, w, t: linear_cross_entropy(x, w, t, memory_limit=64 << 20)
    if name == "eager":
        return eager
    if name == "compiled":
        return torch.compile(eager)
    if name == "torch linear_cross_entropy":
        return functional.linear_cross_entropy
    if name == "torch chunked":
        return lambda x, w, t: functional.linear_cross_entropy(
            x, w, t, options=torch.nn.LinearCrossEntropyOptions()
        )
    from cut_cross_entropy import linear_cross_entropy as cut

    return lambda x, w, t: cut(x, w, t, impl="torch_compile")


def products(x, w, z, to_x, to_w):
    import torch

    torch.mm(x, w.T, out=z)
    torch.mm(z, w, out=to_x)
    torch.mm(z.T, x, out=to_w)


def check(loss, x, w, t):
    """The same loss and the same slopes as in float64: a few rows' slopes, and all rows' loss, in parts."""
    import torch
    from torch.nn import functional

    x.grad = w.grad = None
    value = loss(x, w, t)
    value.backward()
    with torch.no_grad():
        wide, total, counted = w.double(), 0.0, int((t >= 0).sum())
        for low in range(0, len(x), 128):
            z = x[low : low + 128].double() @ wide.T
            total += float(functional.cross_entropy(z, t[low : low + 128], reduction="sum"))
        few = slice(0, 8)
        z = x[few].double() @ wide.T
        slope = z.softmax(1)
        kept = t[few] >= 0
        slope[kept, t[few][kept]] -= 1
        slope[~kept] = 0
        expected = slope @ wide / counted
    assert abs(value.item() - total / counted) < 1e-5 * abs(total / counted)
    assert (x.grad[few] - expected).norm() < 1e-4 * expected.norm()


def measured(step):
    """Median seconds on the wall and of the processors (both cores'): the second hardly changes on a busy machine."""
    step()
    wall, processors = [], []
    for _ in range(REPEATS):
        start, busy = time.perf_counter(), time.process_time()
        step()
        wall.append(time.perf_counter() - start)
        processors.append(time.process_time() - busy)
    return {"seconds": statistics.median(wall), "processor_seconds": statistics.median(processors)}


def peak(step):
    before = resident()
    Path("/proc/self/clear_refs").write_text("5")
    step()
    return resident("VmHWM") - before


def one(name, shape, ignored):
    """One contender on one shape, in this process."""
    import torch

    torch.manual_seed(0)
    n, d, k = SHAPES[shape]
    x, w = torch.randn(n, d, requires_grad=True), (torch.randn(k, d) * d**-0.5).requires_grad_()
    t = torch.randint(k, (n,))
    if ignored:
        t[torch.randperm(n)[: n // 2]] = -100
    if name == "products alone":
        with torch.no_grad():
            buffers = torch.empty(n, k), torch.empty(n, d), torch.empty(k, d)
            return measured(lambda: products(x, w, *buffers)) | {"extra_bytes": n * k * 4}
    loss = loss_of(name)

    def step():
        x.grad = w.grad = None
        loss(x, w, t).backward()

    check(loss, x, w, t)
    found = measured(step)
    x.grad = w.grad = None
    return found | {"extra_bytes": peak(step) - 4 * (x.numel() + w.numel())}


def training(name):
    """A step of a small language model: 4 layers of width 256, vocabulary 50,257, 4 sequences of 256 tokens."""
    import torch
    from torch import nn
    from torch.nn import functional

    from crossentropy.losses import linear_cross_entropy

    torch.manual_seed(0)
    width, vocabulary, length, batch = 256, 50257, 256, 4
    block = nn.TransformerEncoderLayer(width, 4, 4 * width, dropout=0.0, batch_first=True, norm_first=True)
    body = nn.TransformerEncoder(block, 4, enable_nested_tensor=False)
    tokens = nn.Embedding(vocabulary, width)
    head = nn.Linear(width, vocabulary, bias=False)
    optimizer = torch.optim.AdamW([*body.parameters(), *tokens.parameters(), *head.parameters()], lr=1e-3)
    mask = nn.Transformer.generate_square_subsequent_mask(length)
    text = torch.randint(vocabulary, (batch, length + 1))
    values = []

    def step():
        optimizer.zero_grad(set_to_none=True)
        states = body(tokens(text[:, :-1]), mask=mask, is_causal=True).flatten(0, 1)
        target = text[:, 1:].flatten()
        loss = (
            linear_cross_entropy(states, head.weight, target)
            if name == "ours"
            else functional.cross_entropy(head(states), target)
        )
        loss.backward()
        optimizer.step()
        values.append(loss.item())

    return measured(step) | {"extra_bytes": peak(step), "losses": [round(v, 4) for v in values]}


def in_a_process(*arguments):
    command = [sys.executable, "-m", "benchmarks.linear_losses", *arguments]
    # Waiting threads sleep, so that the processors' seconds are those of work.
    environment = os.environ | {"OMP_WAIT_POLICY": "PASSIVE"}
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    if done.returncode:
        return {"failed": done.stderr.strip().splitlines()[-1]}
    return json.loads(done.stdout.strip().splitlines()[-1])


def tell(row):
    outcome = row.get("failed")
    if not outcome:
        times = f"{row['seconds']:8.3f} s ({row['processor_seconds']:.3f} s of processors)"
        outcome = f"{times}, {row['extra_bytes'] / 2**20:8.1f} MiB beside"
    print(f"{row['what']:34} {row['contender']:28} {outcome}", flush=True)


def measure():
    rows = []
    for shape in SHAPES:
        for ignored in (False, True):
            for name in CONTENDERS if not ignored else ("ours", "eager"):
                what = shape + (", half ignored" if ignored else "")
                row = {"what": what, "contender": name, **in_a_process("one", name, shape, str(int(ignored)))}
                rows.append(row)
                tell(row)
    for name in TRAINING:
        rows.append({"what": "training step", "contender": name, **in_a_process("training", name)})
        tell(rows[-1])
    return rows


if __name__ == "__main__":
    kind, *rest = sys.argv[1:]
    print(json.dumps(training(*rest) if kind == "training" else one(rest[0], rest[1], rest[2] == "1")))
