"""The watched run: what is seen, what is said about it, and that the program runs as it would without."""

import _thread
import linecache
import math
import threading
import warnings
from types import SimpleNamespace

import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.jit import _builtins as jit_builtins

import crossentropy
from crossentropy import losses
from crossentropy.check.watching import _patches, _pytest
from crossentropy.check.watching._looks import floor
from crossentropy.errors import CrossEntropyWarning
from crossentropy.losses.observers import observers

from_import = F.cross_entropy  # a name given before any watch
IDS = torch.tensor([0, 1, 2, 1])


@pytest.fixture(autouse=True)
def seed():
    torch.manual_seed(0)


def watched(program):
    """Return the watch of a program, its warnings taken in silence."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", CrossEntropyWarning)
        with crossentropy.watch() as watch:
            program()
    return watch


def kinds(watch):
    return sorted({f.kind for f in watch.findings})


def logits(*shape):
    return (3 * torch.randn(*shape)).requires_grad_()


def bce_of(target, shape=(4, 1)):
    return lambda: F.binary_cross_entropy(torch.sigmoid(logits(*shape)), target)


def fails(call):
    with pytest.raises((IndexError, RuntimeError, ValueError)):
        call()


def sigmoid_twice():
    for _ in range(4):
        F.binary_cross_entropy_with_logits(torch.rand(100), torch.rand(100))


def trick():
    loss = F.cross_entropy(logits(4, 3).detach(), IDS)
    loss.requires_grad_(True)
    loss.backward()


def saturated(z):
    return torch.sigmoid(z.requires_grad_()).squeeze(0)


def normalised():
    """From the least score to the greatest: exactly 0 and 1 at the ends, and the gradient goes on to all scores."""
    z = logits(8)
    F.binary_cross_entropy((z - z.min()) / (z.max() - z.min()), torch.full((8,), 0.6))


MISTAKES = {
    "softmax": (lambda: F.cross_entropy(logits(4, 3).softmax(1), IDS), "probabilities-as-logits"),
    "softmax in half": (
        lambda: F.cross_entropy(logits(4, 3).softmax(1).bfloat16(), IDS),
        "probabilities-as-logits",
    ),
    "softmax of images": (
        lambda: F.cross_entropy(logits(2, 3, 4, 5).softmax(1), torch.zeros(2, 4, 5, dtype=torch.long)),
        "probabilities-as-logits",
    ),
    "module": (lambda: nn.CrossEntropyLoss()(logits(4, 3).softmax(1), IDS), "probabilities-as-logits"),
    "old name": (lambda: from_import(logits(4, 3).softmax(1), IDS), "probabilities-as-logits"),
    "softmax over the batch": (lambda: F.cross_entropy(logits(4, 3).softmax(0), IDS), "softmax-over-batch"),
    "log-softmax over the batch": (
        lambda: F.nll_loss(logits(4, 3).log_softmax(0), IDS),
        "softmax-over-batch",
    ),
    "probabilities in nll": (
        lambda: F.nll_loss(logits(4, 3).softmax(1), IDS),
        "no-log-probabilities",
    ),
    "logits in nll": (lambda: nn.NLLLoss()(logits(4, 3), IDS), "no-log-probabilities"),
    "decisions": (
        lambda: fails(lambda: F.cross_entropy(logits(4, 3).argmax(1).float(), IDS)),
        "wrong-target",
    ),
    "float ids for decisions": (lambda: F.cross_entropy(logits(4), IDS.float()), "wrong-target"),
    "sigmoid twice": (sigmoid_twice, "probabilities-as-logits"),
    "logits in bce": (
        lambda: fails(lambda: F.binary_cross_entropy(logits(9) * 9, torch.ones(9))),
        "logits-as-probabilities",
    ),
    "id too large": (lambda: fails(lambda: F.cross_entropy(logits(4, 2), IDS)), "class-id-out-of-range"),
    "id negative": (
        lambda: fails(lambda: F.nll_loss(logits(4, 3).log_softmax(1), IDS - 2)),
        "class-id-out-of-range",
    ),
    "id of one row": (
        lambda: fails(lambda: F.cross_entropy(logits(3), torch.tensor([3]))),
        "class-id-out-of-range",
    ),
    "float ids": (lambda: fails(lambda: F.cross_entropy(logits(4, 3), IDS.float())), "wrong-target"),
    "column": (lambda: fails(lambda: F.cross_entropy(logits(4, 3), IDS[:, None])), "wrong-target"),
    "multi-hot": (
        lambda: F.cross_entropy(logits(2, 3), torch.tensor([[1.0, 1, 0], [0, 0, 1]])),
        "wrong-target",
    ),
    "labels of -1 and 1": (
        lambda: F.binary_cross_entropy_with_logits(logits(4), torch.tensor([-1.0, 1, 1, -1])),
        "wrong-target",
    ),
    "all ignored": (lambda: F.cross_entropy(logits(2, 3), torch.full((2,), -100)), "all-ignored"),
    "nan input": (lambda: F.cross_entropy(logits(4, 3) * float("nan"), IDS), "nan"),
    "nan target": (
        lambda: F.binary_cross_entropy_with_logits(logits(2), torch.tensor([0.0, float("nan")])),
        "nan",
    ),
    "saturated": (
        lambda: F.binary_cross_entropy(saturated(torch.tensor([[99.0, 0.0]])), torch.tensor([0.0, 1.0])),
        "dead-gradient",
    ),
    "requires_grad afterwards": (trick, "dead-gradient"),
}


@pytest.mark.parametrize("case", MISTAKES)
def test_each_mistake_is_seen_at_the_line_of_the_user(case):
    program, kind = MISTAKES[case]
    watch = watched(program)
    assert kinds(watch) == [kind]
    assert {f.path for f in watch.findings} == {__file__}
    assert f": {kind} (" in str(watch)
    if kind == "probabilities-as-logits":
        assert f"--explain {'CE003' if case == 'sigmoid twice' else 'CE001'}`" in str(watch)


def soft_targets():
    F.cross_entropy(logits(4, 3), logits(4, 3).softmax(1))


CORRECT = {
    "normalised": normalised,
    "logits": lambda: F.cross_entropy(logits(4, 3), IDS),
    "log-probabilities": lambda: F.cross_entropy(logits(4, 3).log_softmax(1), IDS),
    "nll": lambda: F.nll_loss(logits(4, 3).log_softmax(1), IDS),
    "soft targets": soft_targets,
    "soft targets of one row": lambda: F.cross_entropy(logits(3), torch.tensor([0.2, 0.3, 0.5])),
    "focal": lambda: F.nll_loss(logits(4, 3).log_softmax(1) * 0.3, IDS),
    "nll of an epsilon": lambda: F.nll_loss((torch.eye(3)[IDS] + 1e-3).log(), IDS),
    "smoothing": lambda: F.cross_entropy(logits(4, 3), IDS, label_smoothing=0.1),
    "ignored rows": lambda: F.cross_entropy(logits(4, 3), torch.tensor([0, -100, 2, 1])),
    "minus infinity": lambda: F.cross_entropy(torch.tensor([[0.0, -torch.inf]]), torch.tensor([0])),
    "one row of one class": lambda: F.cross_entropy(torch.ones(4, 1), torch.zeros(4, dtype=torch.long)),
    "logits in [0, 1]": lambda: F.cross_entropy(torch.rand(4, 3), IDS),
    "a few binary logits in [0, 1]": lambda: F.binary_cross_entropy_with_logits(
        torch.rand(50), torch.ones(50)
    ),
    "empty": lambda: F.cross_entropy(logits(0, 3), IDS[:0], reduction="sum"),
    "one row": lambda: F.cross_entropy(logits(3), torch.tensor(1)),
    "one row, its id in a list": lambda: F.cross_entropy(logits(3), torch.tensor([2])),
    "bce": bce_of(torch.ones(4, 1)),
}


@pytest.mark.parametrize("case", CORRECT)
def test_nothing_is_found_in_what_is_correct(case):
    watch = watched(CORRECT[case])
    assert not watch.findings
    assert str(watch).startswith("crossentropy watch: 0 findings\n")
    assert "What was not:" in str(watch)
    (site,) = watch.sites.values()
    assert (site.calls, site.read, site.unread) == (1, 1, {})


def train(steps=30, reduction="mean"):
    torch.manual_seed(1)
    model = nn.Sequential(nn.Linear(6, 8), nn.Dropout(0.3), nn.Linear(8, 3))
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    losses = []
    for _ in range(steps):
        optimizer.zero_grad()
        loss = F.cross_entropy(model(torch.randn(16, 6)), torch.randint(3, (16,)), reduction=reduction)
        loss.mean().backward()
        optimizer.step()
        losses.append(loss.detach())
    return losses, [p.detach().clone() for p in model.parameters()], torch.rand(3)


@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_the_program_computes_the_same_bits(reduction):
    plain = train(reduction=reduction)
    seen = []
    watched(lambda: seen.append(train(reduction=reduction)))
    for a, b in zip(plain, seen[0], strict=True):
        assert all(torch.equal(x, y) for x, y in zip(a, b, strict=True))


def test_torch_is_as_it_was_afterwards_even_after_an_error_and_nested():
    def state():
        table = {
            id: name for id, name in jit_builtins._get_builtin_table().items() if "cross_entropy" in name
        }
        return [getattr(owner, name) for owner, name, *_ in _patches._POINTS], table

    before = state()

    def program():
        with crossentropy.watch() as inner:
            assert F.cross_entropy is from_import
            F.cross_entropy(logits(4, 3), IDS)
        assert state() != before
        inners.append(inner)
        raise ZeroDivisionError

    inners = []
    with pytest.raises(ZeroDivisionError):
        watched(program)
    assert state() == before
    assert [s.calls for s in inners[0].sites.values()] == [1]


def test_every_thread_is_seen():
    def program():
        threads = [threading.Thread(target=CORRECT["logits"]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    watch = watched(program)
    assert sum(s.calls for s in watch.sites.values()) == 4


def test_torch_func_script_and_trace_still_work_and_are_counted():
    weight = torch.randn(6, 3)
    x = torch.randn(4, 6)

    def program():
        torch.func.grad(lambda w: F.cross_entropy(x @ w, IDS))(weight)
        scripted = torch.jit.script(nn.CrossEntropyLoss())
        torch.testing.assert_close(scripted(x[:, :3], IDS), F.cross_entropy(x[:, :3], IDS))
        torch.jit.trace(lambda z: F.cross_entropy(z, IDS), x[:, :3])

    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        watch = watched(program)
    reasons = {r for s in watch.sites.values() for r in s.unread}
    assert reasons == {"inside of torch.func", "torch.jit.trace was recording"}
    assert all(reason in str(watch) for reason in reasons)


def test_what_is_compiled_is_said_to_be_unseen():
    def program():
        torch._dynamo.reset()
        torch.compile(lambda z: F.cross_entropy(z * 2, IDS), backend="aot_eager", fullgraph=True)(
            logits(4, 3)
        )

    watch = watched(program)
    assert not watch.sites
    assert "losses inside of the 1 graphs that torch.compile made" in str(watch)


def test_calls_beyond_the_share_of_time_are_counted_and_not_read(monkeypatch):
    monkeypatch.setattr("crossentropy.check.watching._watch.SHARE", 0.0)

    def program():
        for _ in range(30):
            F.cross_entropy(logits(4, 3), IDS)

    watch = watched(program)
    (site,) = watch.sites.values()
    assert (site.calls, site.read) == (30, 8)
    assert "the values of 22 of 30 calls" in str(watch)


def test_calls_within_the_share_of_time_are_read_and_the_losses_told(monkeypatch):
    monkeypatch.setattr("crossentropy.check.watching._watch.SHARE", 1e9)
    right = [0.5, 0.2, 0.9] * 4 + [0.4]

    def program():
        for p in right:
            F.cross_entropy(torch.tensor([[p, 1 - p]]).log() + 7, torch.tensor([0]))

    (site,) = watched(program).sites.values()
    assert (site.calls, site.read) == (13, 13)
    told = [-math.log(p) for p in (0.5, 0.4, 0.9)]
    assert [site.first_loss, site.last_loss, site.lowest_loss] == pytest.approx(told, abs=1e-5)


@pytest.mark.parametrize("loss", [losses.cross_entropy, losses.nll_loss])
def test_each_of_several_observers_sees_each_call_of_the_losses(loss):
    seen = []

    def observer(name):
        def see(function, args, kwargs):
            seen.append((name, function.__name__, len(args), kwargs))
            return function(*args, **kwargs) * 2

        return see

    given = logits(4, 3).log_softmax(1).detach()
    plain = loss(given, IDS, reduction="sum")
    both = [observer("a"), observer("b")]
    observers.extend(both)
    try:
        assert loss(given, IDS, reduction="sum") == 4 * plain
    finally:
        for one in both:
            observers.remove(one)
    assert sorted(seen) == [(name, loss.__name__, 2, {"reduction": "sum"}) for name in "ab"]
    assert loss(given, IDS, reduction="sum") == plain


def test_calls_that_no_gradient_leaves_are_counted_where_one_is_wanted():
    def program():
        F.cross_entropy(logits(4, 3).detach(), IDS)
        with torch.no_grad():
            F.cross_entropy(logits(4, 3).detach(), IDS)

    watch = watched(program)
    assert str(watch).count("in 1 of them no gradient reaches the input") == 1
    assert [s.unlinked for s in sorted(watch.sites.values(), key=lambda s: s.line)] == [1, 0]


def test_a_floor_that_is_reached_is_said():
    def squashed():
        for _ in range(10):
            F.cross_entropy(F.one_hot(IDS, 3).float(), IDS)

    def smoothed():
        for _ in range(10):
            F.cross_entropy(F.one_hot(IDS, 3) * 3.7, IDS, label_smoothing=0.1)

    assert kinds(watched(squashed)) == ["floor-reached", "probabilities-as-logits"]
    assert kinds(watched(smoothed)) == ["floor-reached"]


@pytest.mark.parametrize(("classes", "value"), [(2, 0.3133), (3, 0.5514), (10, 1.4612), (1000, 5.910)])
def test_the_floor_is_the_loss_of_a_certain_and_right_probability(classes, value):
    loss = F.cross_entropy(torch.eye(classes, dtype=torch.float64), torch.arange(classes))
    assert floor(classes) == pytest.approx(float(loss), abs=1e-12)
    assert floor(classes) == pytest.approx(value, abs=6e-4)


@pytest.mark.parametrize("smoothing", [0.1, 0.5, 0.9])
def test_the_floor_of_smoothing_is_the_entropy_of_the_smoothed_target(smoothing):
    target = (1 - smoothing) * torch.eye(7, dtype=torch.float64) + smoothing / 7
    loss = F.cross_entropy(target.log(), torch.arange(7), label_smoothing=smoothing)
    assert floor(7, smoothing) == pytest.approx(float(loss), abs=1e-12)


def test_the_block_warns_at_the_line_of_the_user():
    with pytest.warns(CrossEntropyWarning, match="probabilities-as-logits") as caught, crossentropy.watch():
        F.cross_entropy(logits(4, 3).softmax(1), IDS)
    assert caught[0].filename == __file__


def test_a_watch_that_fails_to_read_says_so_and_leaves_the_program_alone(monkeypatch):
    def broken(call):
        raise MemoryError

    monkeypatch.setattr("crossentropy.check.watching._looks.look_before", broken)
    watch = watched(CORRECT["logits"])
    assert "reading them failed: MemoryError" in str(watch)


OURS = {
    "by torch": lambda: losses.cross_entropy(logits(4, 3).softmax(1), IDS),
    "by kernels": lambda: losses.cross_entropy(
        logits(700, 100).softmax(1), torch.zeros(700, dtype=torch.long)
    ),
    "module": lambda: losses.CrossEntropyLoss()(logits(4, 3).softmax(1), IDS),
}


@pytest.mark.filterwarnings("ignore::crossentropy.errors.MisuseWarning")
@pytest.mark.parametrize("case", OURS)
def test_the_losses_of_this_package_are_seen_once(case):
    watch = watched(OURS[case])
    assert kinds(watch) == ["probabilities-as-logits"]
    ((path, _, family),) = watch.sites
    assert (path, family) == (__file__, "cross_entropy")
    (site,) = watch.sites.values()
    assert (site.calls, site.read, site.classes) == (1, 1, 100 if case == "by kernels" else 3)
    assert not observers


def test_binary_losses_of_this_package_and_what_raises_are_seen():
    watch = watched(lambda: losses.binary_cross_entropy_with_logits(logits(9) * 9, torch.full((9,), 2.0)))
    assert kinds(watch) == ["wrong-target"]
    watch = watched(lambda: fails(lambda: losses.cross_entropy(logits(4, 2), IDS)))
    assert kinds(watch) == ["class-id-out-of-range"]
    sparse = losses.SparseTarget(torch.tensor([[0], [1]]), torch.ones(2, 1))
    watch = watched(lambda: losses.cross_entropy(logits(2, 3), sparse))
    assert "the target is sparse" in str(watch)


def test_a_call_at_the_bottom_of_a_stack_has_its_own_line():
    def program():
        done = threading.Lock()
        done.acquire()

        def alone():
            F.cross_entropy(torch.zeros(4, 3), IDS)
            done.release()

        _thread.start_new_thread(alone, ())
        assert done.acquire(timeout=60)

    ((path, line, _),) = watched(program).sites
    assert path == __file__
    assert "F.cross_entropy(torch.zeros(4, 3), IDS)" in linecache.getline(path, line)


def test_of_a_large_call_the_first_rows_are_read_and_the_row_is_named(monkeypatch):
    monkeypatch.setattr("crossentropy.check.watching._looks._READ", 30)
    given, target = logits(100, 3).softmax(1), torch.full((100, 3), 1 / 3)
    target[[4, 50]] = 0.5
    (loss, kind) = watched(lambda: F.cross_entropy(given, target)).findings
    assert loss.message.startswith("all 10 rows read lie in [0, 1]")
    assert "row 4 sums to 1.5, not 1" in kind.message


def test_a_sum_is_not_told_for_a_loss_of_rows():
    (site,) = watched(lambda: F.cross_entropy(logits(4, 3), IDS, reduction="sum")).sites.values()
    assert (site.read, site.first_loss, site.last_loss, site.lowest_loss) == (1, None, None, None)


@pytest.mark.parametrize(("ends", "told"), [(0, 1), (1, 1), (2, 2), (5, 5)])
def test_findings_fail_only_a_run_of_tests_that_would_pass(ends, told):
    watch = watched(MISTAKES["softmax"][0])
    session = SimpleNamespace(config=SimpleNamespace(crossentropy_watch=watch), exitstatus=ends)
    _pytest.pytest_sessionfinish(session, ends)
    assert session.exitstatus == told


def test_two_losses_on_one_line_and_one_loss_on_two_lines_are_told_apart():
    def program():
        for _ in range(3):
            F.cross_entropy(logits(4, 3), IDS), F.nll_loss(logits(4, 3), IDS)
            F.cross_entropy(logits(4, 3), IDS)

    sites = sorted((s.line, s.family, s.calls) for s in watched(program).sites.values())
    first = sites[0][0]
    assert sites == [(first, "cross_entropy", 3), (first, "nll_loss", 3), (first + 1, "cross_entropy", 3)]


@pytest.mark.parametrize(("before", "after"), [(0, 1), (2, 2), (5, 5)])
def test_the_plugin_leaves_the_exit_code_of_a_run_that_failed_by_itself(before, after):
    watch = watched(MISTAKES["softmax"][0])
    session = SimpleNamespace(config=SimpleNamespace(crossentropy_watch=watch), exitstatus=before)
    _pytest.pytest_sessionfinish(session, before)
    assert session.exitstatus == after
