"""A layer and its loss in one, under a watch: what is seen without the logits, of torch and of this package."""

import json
import subprocess
import sys
import textwrap

import pytest
import torch
import torch.nn.functional as F
from torch import nn

import crossentropy
from crossentropy import losses
from crossentropy.check import watch_json
from crossentropy.errors import CrossEntropyWarning
from crossentropy.losses.observers import observers
from tests.check.test_watch import fails, kinds, watched

N, D, K = 12, 5, 7
CHUNKED = nn.LinearCrossEntropyOptions(batch_chunk_size=4)
NAN = float("nan")


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def features(*shape):
    return torch.randn(*(shape or (N, D))).requires_grad_()


def layer():
    return torch.randn(K, D).requires_grad_()


def ids():
    return torch.randint(K, (N,))


def torchs(x, w, t, **options):
    return F.linear_cross_entropy(x, w, t, options=CHUNKED, **options)


def torchs_module(x, w, t, **options):
    module = nn.LinearCrossEntropyLoss(w.shape[1], w.shape[0], options=CHUNKED, **options)
    with torch.no_grad():
        module.linear.weight.copy_(w)
    return module(x, t)


def ours_module(x, w, t, **options):
    module = losses.LinearCrossEntropyLoss(w.shape[1], w.shape[0], **options)
    with torch.no_grad():
        module.linear.weight.copy_(w)
    return module(x, t)


FUSED = {
    "torch": torchs,
    "torch's module": torchs_module,
    "ours": losses.linear_cross_entropy,
    "our module": ours_module,
}


def at(tensor, value, *index):
    changed = tensor.detach().clone()
    changed[index] = value
    return changed.requires_grad_(changed.is_floating_point())


def softmax_before(loss):
    """An identity as the layer: what goes into the softmax are probabilities."""
    return loss((3 * features(N, K)).softmax(1), torch.eye(K), ids())


def afterwards(loss):
    value = loss(features().detach(), layer().detach(), ids())
    if not value.requires_grad:  # a module's layer requires it
        value.requires_grad_(True).backward()


MISTAKES = {
    "id too large": (
        lambda loss: fails(lambda: loss(features(), layer(), at(ids(), K, 3))),
        "class-id-out-of-range",
        f"class id {K} in row 3 is outside [0, {K}). Labels counted from 1 need target - 1",
    ),
    "id negative": (
        lambda loss: fails(lambda: loss(features(), layer(), at(ids(), -1, 2))),
        "class-id-out-of-range",
        f"class id -1 in row 2 is outside [0, {K})",
    ),
    "float ids": (
        lambda loss: fails(lambda: loss(features(), layer(), ids().float())),
        "wrong-target",
        "class ids of dtype torch.float32",
    ),
    "column": (
        lambda loss: fails(lambda: loss(features(), layer(), ids()[:, None])),
        "wrong-target",
        "use target.squeeze(1)",
    ),
    "all ignored": (
        lambda loss: loss(features(), layer(), torch.full((N,), -100)),
        "all-ignored",
        f"all {N} targets are ignore_index=-100",
    ),
    "nan in the features": (
        lambda loss: loss(at(features(), NAN, 2, 1), layer(), ids()),
        "nan",
        "the features hold NaN, first at (2, 1)",
    ),
    "infinite features": (
        lambda loss: loss(at(features(), torch.inf, 2, 1), layer(), ids()),
        "nan",
        "the features hold infinity, first at (2, 1)",
    ),
    "nan in the layer": (
        lambda loss: loss(features(), at(layer(), NAN, 4, 0), ids()),
        "nan",
        "the layer's weight holds NaN, first at (4, 0)",
    ),
    "overflow": (
        lambda loss: loss(features() * 1e30, layer() * 1e30, ids()),
        "nan",
        "though the features, the layer and the target are finite: the logits overflow torch.float32",
    ),
    "dead features": (
        lambda loss: loss(F.relu(-features().abs()), layer(), ids()),
        "dead-gradient",
        f"all {N * D} features read are exactly 0",
    ),
    "a softmax before": (
        softmax_before,
        "probabilities-as-logits",
        f"all 8 rows read lie in [0, 1] and sum to 1 over the {K} classes",
    ),
}


@pytest.mark.filterwarnings("ignore::crossentropy.errors.MisuseWarning")
@pytest.mark.filterwarnings("ignore:linear_cross_entropy. ``options`` ignored")  # for float ids, says torch
@pytest.mark.parametrize("loss", FUSED)
@pytest.mark.parametrize("case", MISTAKES)
def test_each_mistake_is_seen_without_the_logits_at_the_line_of_the_user(case, loss):
    program, kind, said = MISTAKES[case]
    watch = watched(lambda: program(FUSED[loss]))
    (finding,) = watch.findings
    assert finding.kind == kind
    assert said in finding.message
    assert finding.path == __file__
    # where torch cannot take a target in chunks, it makes the logits, and the loss of logits is seen
    assert finding.loss in ("linear_cross_entropy", "cross_entropy")


BINARY = {
    "labels of -1 and 1": (
        lambda: losses.linear_binary_cross_entropy(features(), layer(), torch.ones(N, K) * -1),
        "wrong-target",
    ),
    "nan in the layer": (
        lambda: losses.linear_binary_cross_entropy(features(), at(layer(), NAN, 0, 0), torch.ones(N, K)),
        "nan",
    ),
    "integers": (
        lambda: fails(
            lambda: losses.linear_binary_cross_entropy(
                features(), layer(), torch.ones(N, K, dtype=torch.long)
            )
        ),
        "wrong-target",
    ),
    "sigmoid before": (
        lambda: [
            losses.linear_binary_cross_entropy(torch.rand(40, K), torch.eye(K), torch.ones(40, K))
            for _ in range(4)
        ],
        "probabilities-as-logits",
    ),
}


@pytest.mark.parametrize("case", BINARY)
def test_mistakes_in_the_binary_form_are_seen(case):
    program, kind = BINARY[case]
    watch = watched(program)
    (finding,) = watch.findings
    assert (finding.kind, finding.loss, finding.path) == (kind, "linear_binary_cross_entropy", __file__)


CORRECT = {
    "plain": lambda loss: loss(features(), layer(), ids()),
    "one row": lambda loss: loss(features(D), layer(), torch.tensor(1)),
    "some ignored": lambda loss: loss(features(), layer(), at(ids(), -100, 3)),
    "not reduced": lambda loss: loss(features(), layer(), ids(), reduction="none"),
    "no rows": lambda loss: loss(features(0, D), layer(), ids()[:0], reduction="sum"),
    "a layer of zeros": lambda loss: loss(features(), torch.zeros(K, D).requires_grad_(), ids()),
    "frozen features": lambda loss: loss(features().detach(), layer(), ids()),
    "log-probabilities": lambda loss: loss(features(N, K).log_softmax(1), torch.eye(K), ids()),
}


@pytest.mark.parametrize("loss", FUSED)
@pytest.mark.parametrize("case", CORRECT)
def test_nothing_is_found_in_what_is_correct(case, loss):
    watch = watched(lambda: CORRECT[case](FUSED[loss]))
    assert not watch.findings
    (site,) = watch.sites.values()
    assert (site.family, site.calls, site.read, site.unread) == ("linear_cross_entropy", 1, 1, {})
    assert site.classes == K
    assert "linear_cross_entropy: 1 call, values read in 1" in str(watch)
    assert not observers


def test_the_report_says_how_many_rows_of_logits_were_made():
    watch = watched(lambda: torchs(features(), layer(), ids()))
    told = "the logits of layer and loss in one, but for 8 rows of each call that was read"
    assert told in str(watch)
    assert any(told in text for text in json.loads(watch_json(watch))["not_looked_at"])
    assert told not in str(watched(lambda: F.cross_entropy(features(), torch.zeros(N, dtype=torch.long))))


def test_that_no_gradient_reaches_the_features_is_told_and_is_no_finding():
    watch = watched(lambda: torchs(features().detach(), layer(), ids()))
    assert "in 1 of them no gradient reaches the features" in str(watch)
    assert not watch.findings


def test_a_loss_that_only_afterwards_requires_a_gradient_is_found():
    for name in ("torch", "ours"):
        assert kinds(watched(lambda name=name: afterwards(FUSED[name]))) == ["dead-gradient"]


def test_the_floor_of_smoothing_is_known_by_the_loss():
    def program():
        for _ in range(10):
            losses.linear_cross_entropy(
                torch.eye(3), torch.eye(3) * 3.7, torch.arange(3), label_smoothing=0.1
            )

    assert kinds(watched(program)) == ["floor-reached"]


def test_without_chunks_torch_ends_in_the_loss_of_logits_and_is_seen_once():
    watch = watched(lambda: F.linear_cross_entropy(features(), layer(), ids()))
    assert [(s.family, s.calls, s.read) for s in watch.sites.values()] == [("cross_entropy", 1, 1)]


@pytest.mark.parametrize("loss", FUSED)
def test_further_axes_of_classes_are_read(loss):
    weight = torch.randn(K, 2, D)
    target = torch.randint(K, (N, 2))
    target[4, 1] = K
    if "module" in loss:
        own = nn if "torch" in loss else losses
        module = own.LinearCrossEntropyLoss(D, K, out_features=(2,))
        watch = watched(lambda: fails(lambda: module(features(), target)))
    else:
        call = F.linear_cross_entropy if loss == "torch" else losses.linear_cross_entropy
        watch = watched(lambda: fails(lambda: call(features(), weight, target)))
    assert kinds(watch) == ["class-id-out-of-range"]
    assert "in row 4" in watch.findings[0].message


@pytest.mark.parametrize("dtype", [torch.float16, torch.bfloat16, torch.float64])
def test_other_dtypes_and_autocast_are_read(dtype):
    def program():
        losses.linear_cross_entropy(features().to(dtype), layer().to(dtype), ids())
        with torch.autocast("cpu", dtype=torch.bfloat16):
            losses.linear_cross_entropy(features(), layer(), ids())

    watch = watched(program)
    assert not watch.findings
    assert all(s.read == s.calls and not s.unread for s in watch.sites.values())


def train(loss, steps=6):
    torch.manual_seed(1)
    weight, body = torch.randn(K, D).requires_grad_(), torch.randn(D, D).requires_grad_()
    optimizer = torch.optim.SGD([weight, body], lr=0.1)
    seen = []
    for _ in range(steps):
        optimizer.zero_grad()
        value = loss(torch.randn(N, D) @ body, weight, torch.randint(K, (N,)))
        value.backward()
        optimizer.step()
        seen.append(value.detach())
    return [*seen, weight.detach(), body.detach(), torch.rand(3)]


@pytest.mark.parametrize("loss", ["torch", "ours"])
def test_the_program_computes_the_same_bits(loss):
    plain, seen = train(FUSED[loss]), []
    watched(lambda: seen.extend(train(FUSED[loss])))
    assert all(torch.equal(a, b) for a, b in zip(plain, seen, strict=True))


def test_by_products_and_sparse_targets_are_counted_and_their_loss_is_read():
    def program():
        losses.linear_cross_entropy(features(), layer(), ids(), by_products=("argmax",))
        losses.cross_entropy(features(), torch.zeros(N, dtype=torch.long), by_products=("argmax",))
        sparse = losses.SparseTarget(ids()[:, None], torch.ones(N, 1))
        losses.linear_cross_entropy(features(), layer(), sparse)
        fails(lambda: losses.linear_cross_entropy(features(), layer(), sparse._replace(ids=sparse.ids + K)))

    watch = watched(program)
    first, second, third, fourth = sorted(watch.sites.values(), key=lambda s: s.line)
    assert None not in (first.first_loss, second.first_loss)
    assert first.unread == second.unread == {}
    assert third.unread == fourth.unread == {"the target is sparse": 1}
    assert [(f.line, f.kind) for f in watch.findings] == [(fourth.line, "class-id-out-of-range")]


def test_what_torch_compiles_is_left_to_it():
    def program():
        torch._dynamo.reset()
        compiled = torch.compile(
            lambda x, w: losses.linear_cross_entropy(x, w, torch.zeros(N, dtype=torch.long)),
            backend="aot_eager",
        )
        compiled(features(), layer())

    watch = watched(program)
    assert not watch.sites
    assert "graphs that torch.compile made" in str(watch)


FORK = """\
import os
import torch
import crossentropy
from crossentropy import losses
from crossentropy.check.watching import _patches

z, ids = torch.randn(4, 3), torch.zeros(4, dtype=torch.long)
torch.set_num_threads(1)
plain = torch._C._nn.cross_entropy_loss

def both():
    torch.nn.functional.cross_entropy(z, ids)
    losses.cross_entropy(z, ids)

with crossentropy.watch() as watch:
    both()
    child = os.fork()
    if child == 0:
        both()
        as_it_was = torch._C._nn.cross_entropy_loss is plain and not losses.observers.observers
        with crossentropy.watch() as own:
            both()
        calls = sum(s.calls for s in own.sites.values())
        os._exit(0 if as_it_was and not _patches._observers and calls == 2 and watch.sites else 1)
    _, status = os.waitpid(child, 0)
    both()
print(status, sum(s.calls for s in watch.sites.values()))
"""


def test_a_forked_child_has_no_observers_and_may_watch_by_itself(tmp_path):
    script = tmp_path / "fork.py"
    script.write_text(textwrap.dedent(FORK))
    done = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, timeout=120)
    assert done.stdout == "0 4\n", done.stderr


def test_the_block_names_the_line_of_the_user():
    with pytest.warns(CrossEntropyWarning, match="all-ignored") as caught, crossentropy.watch():
        torchs(features(), layer(), torch.full((N,), -100))
    assert caught[0].filename == __file__
