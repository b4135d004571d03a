"""The losses of logits, forward and backward, against torch's functions, eager and compiled, in one run.

Each row: the median times, their ratios, the largest difference between the gradients relative to the largest
gradient, and the time of reading and writing the logits once (a copy into memory that is already there).
"""

import statistics
import time

import torch
from torch.nn import functional

from crossentropy import losses

SHAPES = ((8192, 1000), (4096, 32000), (2048, 128000), (65536, 10), (1_000_000, 2), (64, 10))
# images, feature maps, and a sequence: the classes are not the last axis
ACROSS = ((8, 21, 256, 256), (8, 150, 128, 128), (64, 1000, 49), (4, 32000, 256))
LIMIT_S = 6.0


def median(call) -> float:
    call()
    seconds, start = [], time.perf_counter()
    while len(seconds) < 3 or (len(seconds) < 2000 and time.perf_counter() - start < 1.0):
        begin = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - begin)
        if time.perf_counter() - start > LIMIT_S:
            break
    return statistics.median(seconds)


def step(function, z, *args, **options):
    z.grad = None
    function(z, *args, **options).backward()


def compare(name, ours, torchs, z, *args, compiled=True, **options) -> dict:
    step(torchs, z, *args, **options)
    expected = z.grad
    step(ours, z, *args, **options)
    error = ((z.grad - expected).abs().max() / expected.abs().max()).item()
    del expected
    row = {"work": name, "shape": list(z.shape), "dtype": str(z.dtype), "gradient_error": error}
    row["ours_s"] = median(lambda: step(ours, z, *args, **options))
    row["eager_s"] = median(lambda: step(torchs, z, *args, **options))
    row["eager_over_ours"] = row["eager_s"] / row["ours_s"]
    if compiled:
        torch.compiler.reset()
        fused = torch.compile(torchs)
        row["compiled_s"] = median(lambda: step(fused, z, *args, **options))
        row["compiled_over_ours"] = row["compiled_s"] / row["ours_s"]
    z.grad = None
    room = torch.empty_like(z, requires_grad=False)
    row["copy_s"] = median(lambda: room.copy_(z.detach()))
    row["ours_over_copy"] = row["ours_s"] / row["copy_s"]
    return row


def works():
    generator = torch.Generator().manual_seed(0)
    for rows, classes in SHAPES:
        z = torch.randn(rows, classes, generator=generator, requires_grad=True)
        ids = torch.randint(classes, (rows,), generator=generator)
        yield "class ids", losses.cross_entropy, functional.cross_entropy, z, (ids,), {}
    for shape in ACROSS:
        z = torch.randn(*shape, generator=generator, requires_grad=True)
        ids = torch.randint(shape[1], (shape[0], *shape[2:]), generator=generator)
        weight = torch.rand(shape[1], generator=generator) + 0.5
        both = losses.cross_entropy, functional.cross_entropy
        yield "class ids", *both, z, (ids,), {}
        yield "class weights", *both, z, (ids, weight), {}
    z = torch.randn(4096, 32000, generator=generator, requires_grad=True)
    ids = torch.randint(32000, (4096,), generator=generator)
    weight = torch.rand(32000, generator=generator) + 0.5
    both = losses.cross_entropy, functional.cross_entropy
    yield "smoothing", *both, z, (ids,), {"label_smoothing": 0.1}
    yield "class weights", *both, z, (ids, weight), {}
    q = torch.randn(4096, 32000, generator=generator).softmax(1)
    yield "soft targets", *both, z, (q,), {}
    del q
    yield "class ids", *both, z.detach().bfloat16().requires_grad_(), (ids,), {}
    del z
    z = torch.randn(4096, 4096, generator=generator, requires_grad=True)
    y = (torch.rand(4096, 4096, generator=generator) < 0.1).float()
    binary = losses.binary_cross_entropy_with_logits, functional.binary_cross_entropy_with_logits
    yield "binary", *binary, z, (y,), {}


def measure() -> list[dict]:
    rows = []
    for name, ours, torchs, z, args, options in works():
        row = compare(name, ours, torchs, z, *args, **options)
        rows.append(row)
        print(
            f"{name:13} {z.shape!s:26} {row['dtype'][6:]:8} ours {1e3 * row['ours_s']:9.3f} ms, "
            f"eager x{row['eager_over_ours']:.2f}, compiled x{row['compiled_over_ours']:.2f}, "
            f"copies {row['ours_over_copy']:.2f}, gradient error {row['gradient_error']:.1e}",
            flush=True,
        )
    return rows
