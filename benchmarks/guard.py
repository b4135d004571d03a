"""What the guards of the losses cost: each by itself, beside the forward and backward pass that it watches over.

CPU seconds of one thread. A guard takes microseconds where a pass takes hundredths of a second, so the difference of
two passes drowns in their noise: the share is that of the guard's own time, medians of both, measured in turn. The
ratio of whole passes with and without the one guard that can be switched off is given beside it.
"""

import statistics
import time

import torch

from crossentropy.losses import LossOptions, _guard, cross_entropy, linear_cross_entropy
from crossentropy.losses._checks import check_range
from crossentropy.losses._linear_pass import Layer
from crossentropy.losses._options import NO_OPTIONS

SHAPES = ((8192, 1000), (4096, 32000))
PAIRS = 15
ALLOW = LossOptions(probabilities="allow")


def seconds(call, times=1):
    start = time.process_time()
    for _ in range(times):
        call()
    return (time.process_time() - start) / times


def compare(work, shape, guard, step, without=None):
    """Time the guard, the step, and the step without the guard if there is such a thing, in turn."""
    guards, steps, ratios = [], [], []
    guard(), step()
    for pair in range(PAIRS):
        guards.append(seconds(guard, 5))
        if without is None:
            steps.append(seconds(step))
            continue
        first, second = (step, without) if pair % 2 else (without, step)
        times = {call: seconds(call) for call in (first, second)}
        steps.append(times[step])
        ratios.append(times[step] / times[without])
    row = {
        "work": work,
        "shape": list(shape),
        "guard_us": 1e6 * statistics.median(guards),
        "step_us": 1e6 * statistics.median(steps),
    }
    row["share"] = row["guard_us"] / row["step_us"]
    if ratios:
        row["with_over_without"] = statistics.median(ratios)
        row["quartiles"] = statistics.quantiles(ratios, n=4)[::2]
    return row


def works(rows, classes):
    generator = torch.Generator().manual_seed(0)
    z = torch.randn(rows, classes, generator=generator, requires_grad=True)
    ids = torch.randint(classes, (rows,), generator=generator)

    def step(target, options=NO_OPTIONS):
        z.grad = None
        cross_entropy(z, target, options=options).backward()

    yield (
        "probabilities as logits",
        lambda: _guard.check_probabilities_as_logits(z, 1, NO_OPTIONS),
        lambda: step(ids),
        lambda: step(ids, ALLOW),
    )
    yield "class ids in range", lambda: check_range(ids, classes, -100), lambda: step(ids)
    q = torch.randn(rows, classes, generator=generator).softmax(1)
    yield (
        "distributions, the first rows",
        lambda: _guard.check_are_distributions(q, 1, -100, NO_OPTIONS),
        lambda: step(q),
    )
    strict = LossOptions(strict=True)
    yield (
        "distributions, all rows (strict)",
        lambda: _guard.check_are_distributions(q, 1, -100, strict),
        lambda: step(q, strict),
    )
    x = torch.randn(rows // 8, 256, generator=generator)
    w = torch.randn(classes, 256, generator=generator, requires_grad=True)

    def linear():
        w.grad = None
        linear_cross_entropy(x, w, ids[: rows // 8]).backward()

    yield (
        f"probabilities as logits, a layer of 256 features, {rows // 8} rows",
        lambda: _guard.check_probabilities_of_layer(Layer(x, w, None), classes, (), NO_OPTIONS),
        linear,
    )
    with torch.no_grad():
        z.copy_(z.softmax(1))
    yield (
        "probabilities as logits, where they are",
        lambda: _guard.check_probabilities_as_logits(z, 1, LossOptions()),
        lambda: step(ids),
        lambda: step(ids, ALLOW),
    )


def measure() -> list[dict]:
    import warnings

    torch.set_num_threads(1)
    found = []
    for shape in SHAPES:
        for name, *calls in works(*shape):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                found.append(compare(name, shape, *calls))
            row = found[-1]
            print(
                f"{name:60} {shape!s:14} guard {row['guard_us']:10.1f} us of {row['step_us']:10.0f}: "
                f"{row['share']:.3%}, with / without {row.get('with_over_without', float('nan')):.3f}",
                flush=True,
            )
    return found
