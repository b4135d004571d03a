"""The watch: which calls are read, at which line of the user's, within how much time.

Every call is counted; the values of the first calls at each line are read, and those of later calls only while all the
reading has taken less than five thousandths of the time that has passed, so that a watch cannot slow a program down by
more than that and the counting itself (a few microseconds a call).
"""

from __future__ import annotations

import sys
import sysconfig
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from types import CodeType, FrameType
from typing import Any, cast

import torch
from torch import Tensor

from crossentropy.check.watching import _looks, _patches
from crossentropy.check.watching._looks import Sight
from crossentropy.check.watching._patches import Call, Reader

FIRST = 8  # calls at each line whose values are always read
SHARE = 0.005  # of the time that has passed, for reading the others
_ENOUGH = 200  # logits, in at least three calls, before a range says anything
_OURS = (str(Path(__file__).parents[2]), str(Path(torch.__file__).parent))
_GENERATED = ("<frozen", "<eval_with_key")
_INSTALLED = tuple({sysconfig.get_paths()[key] for key in ("purelib", "platlib", "stdlib")})


@dataclass
class Site:
    """A line of the user's at which a loss is computed, and what is known of its calls."""

    path: str
    line: int
    family: str
    calls: int = 0
    read: int = 0
    classes: int | None = None
    smoothing: float = 0.0
    first_loss: float | None = None
    last_loss: float | None = None
    lowest_loss: float | None = None
    low: float = float("inf")
    high: float = float("-inf")
    logits: int = 0
    ranges: int = 0
    seen: dict[str, list[Any]] = field(default_factory=dict)
    unread: dict[str, int] = field(default_factory=dict)
    unlinked: int = 0
    last: Tensor | None = None

    @property
    def fused(self) -> bool:
        """Whether the layer and the loss are one, so that there are no logits."""
        return self.family.startswith("linear")


@dataclass(frozen=True)
class WatchFinding:
    """A mistake seen in a run: the user's line, the kind, and in how many of the calls that were read."""

    path: str
    line: int
    loss: str
    kind: str
    message: str
    calls: int
    read: int


class Watch:
    """Sees the losses of a program; see `crossentropy.watch`."""

    def __init__(self) -> None:
        self.sites: dict[tuple[str, int, str], Site] = {}
        self.graphs = 0
        self.reading_s = 0.0
        self._places: dict[tuple[int, int, str], Site] = {}
        self._lock = threading.Lock()
        self._began = time.perf_counter()
        self._graphs_before = _graphs()

    def begin(self) -> None:
        """Begin to watch."""
        self._began = time.perf_counter()
        self._graphs_before = _graphs()
        _patches.begin(self._observe)

    def end(self) -> None:
        """Stop watching."""
        _patches.end(self._observe)
        self.graphs = _graphs() - self._graphs_before
        for site in self.sites.values():
            _check_last(site)
            site.last = None

    @property
    def findings(self) -> list[WatchFinding]:
        """What was found so far, by line."""
        found = []
        for site in self.sites.values():
            sights = dict(site.seen)
            sights.update({kind: [1, text] for kind, text in _over_all_calls(site)})
            for kind, (count, message) in sights.items():
                calls = site.ranges if kind == "probabilities-as-logits" and site.ranges else count
                found.append(WatchFinding(site.path, site.line, site.family, kind, message, calls, site.read))
        return sorted(found, key=lambda f: (f.path, f.line, f.kind))

    def __str__(self) -> str:
        from crossentropy.check.watching._report import to_text

        return to_text(self)

    def _observe(
        self,
        family: str,
        reader: Reader,
        make: Callable[..., Any],
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        site = self._site(family, sys._getframe(2))
        if site.calls > FIRST and self.reading_s > SHARE * (time.perf_counter() - self._began):
            call = None
        else:
            call = self._readable(site, reader, args, kwargs)
        if call is not None:
            looked = call
            self._look(site, lambda: list(_looks.look_before(looked)), looked)
        try:
            result = make(*args, **kwargs)
        except Exception:
            self._look(site, lambda: list(_looks.look_at_failure(reader(*args, **kwargs))), None)
            raise
        if call is not None:
            looked = call
            self._look(site, lambda: self._after(site, looked, _loss_of(result)), None)
        return result

    def _site(self, family: str, frame: FrameType | None) -> Site:
        """Count a call at the user's line. Nothing here is needed twice: it is what a call costs that is not read."""
        code, instruction, place = _users_place(frame)
        site = self._places.get((code, instruction, family))
        with self._lock:
            if site is None:
                path, line = place.f_code.co_filename, place.f_lineno
                site = self.sites.setdefault((path, line, family), Site(path, line, family))
                self._places[code, instruction, family] = site
            site.calls += 1
        if site.last is not None:
            _check_last(site)
        return site

    @staticmethod
    def _readable(site: Site, reader: Reader, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Call | None:
        try:
            call = reader(*args, **kwargs)
        except (TypeError, KeyError):
            return None  # the call will say itself what is wrong with its arguments
        reason = _looks.why_not(call)
        if reason:
            site.unread[reason] = site.unread.get(reason, 0) + 1
            return None
        site.read += 1
        return call

    def _look(self, site: Site, look: Callable[[], list[Sight]], call: Call | None) -> None:
        """Look, and never let that stop or change the program."""
        start, learns = time.perf_counter(), torch.is_grad_enabled()
        try:
            with torch.no_grad(), torch._C.DisableTorchFunction():
                sights = look()
                if call is not None:
                    self._facts(site, call, learns)
        except Exception as error:
            reason = f"reading them failed: {type(error).__name__}"
            site.unread[reason] = site.unread.get(reason, 0) + 1
            sights = []
        with self._lock:
            for sight in sights:
                site.seen.setdefault(sight.kind, [0, sight.message])[0] += 1
            self.reading_s += time.perf_counter() - start

    @staticmethod
    def _facts(site: Site, call: Call, learns: bool) -> None:
        if call.family in _looks.CLASSES:
            _, site.classes = _looks.classes_of(call)
            site.smoothing = call.label_smoothing
        found = _looks.logit_range(call)
        if found is not None:
            site.low, site.high = min(site.low, found.low), max(site.high, found.high)
            site.logits += found.number
            site.ranges += 1
        site.unlinked += learns and not call.input.requires_grad

    @staticmethod
    def _after(site: Site, call: Call, loss: Tensor) -> list[Sight]:
        sights = list(_looks.look_after(call, loss))
        if loss.numel() and call.reduction != 2:
            value = float(loss.detach().mean())
            if value == value:
                site.first_loss = value if site.first_loss is None else site.first_loss
                site.last_loss = value
                site.lowest_loss = value if site.lowest_loss is None else min(value, site.lowest_loss)
        # whether somebody makes it require a gradient, which no parameter would get, shows later
        site.last = None if loss.requires_grad else loss
        return sights


def _loss_of(result: Any) -> Tensor:
    """Return the loss of what is returned: itself, a `LossResult`, or torch's tuple of the loss and its gradients."""
    return cast(Tensor, result[0] if isinstance(result, tuple) else getattr(result, "loss", result))


def _check_last(site: Site) -> None:
    loss, site.last = site.last, None
    if loss is not None and loss.requires_grad and loss.is_leaf:
        text = (
            "the loss was made to require a gradient after it was computed, but nothing before it does: no parameter "
            "gets a gradient (an argmax, detach(), item() or no_grad() stands before the loss)"
        )
        site.seen.setdefault("dead-gradient", [0, text])[0] += 1


def _over_all_calls(site: Site) -> list[tuple[str, str]]:
    found = []
    if (
        site.logits >= _ENOUGH
        and site.ranges >= 3
        and site.low >= 0
        and site.high <= 1
        and site.low < site.high
    ):
        found.append(
            (
                "probabilities-as-logits",
                f"all {site.logits:,} logits read, of {site.ranges} calls, lie in [0, 1]: a sigmoid stands before a "
                "loss that takes logits",
            )
        )
    squashed = "probabilities-as-logits" in site.seen
    if site.classes and site.classes > 1 and site.lowest_loss is not None and (squashed or site.smoothing):
        least = _looks.floor(site.classes, 0.0 if squashed else site.smoothing)
        if site.read >= FIRST and site.lowest_loss < 1.02 * least:
            cause = (
                "of probabilities given as logits" if squashed else f"of label_smoothing={site.smoothing:g}"
            )
            found.append(
                (
                    "floor-reached",
                    f"the loss has come down to {site.lowest_loss:.4f}, and {least:.4f} nats is the floor {cause} with "
                    f"{site.classes} classes: it says nothing more about the model",
                )
            )
    return found


# 0 torch's or ours, 1 installed or generated, 2 the user's; the code is kept, so that no other gets its id
_whose: dict[int, tuple[int, CodeType]] = {}


def _users_place(frame: FrameType | None) -> tuple[int, int, FrameType]:
    """Return code, instruction and frame of the nearest place of the user's, or outside of torch if all is installed.

    Code is known by its id, for its hash reads all of it; the instruction stands for the line, which Python would have
    to look up in a table.
    """
    nearest = last = frame
    while frame is not None:
        code = frame.f_code
        known = _whose.get(id(code))
        if known is None:
            path = code.co_filename
            whose = 0 if path.startswith(_OURS) else 1 if path.startswith((*_INSTALLED, *_GENERATED)) else 2
            known = _whose[id(code)] = whose, code
        whose = known[0]
        if whose == 2:
            return id(code), frame.f_lasti, frame
        if whose == 1 and nearest is last:
            nearest = frame
        frame = frame.f_back
    assert nearest is not None
    return id(nearest.f_code), nearest.f_lasti, nearest


def _graphs() -> int:
    """Return how many graphs torch.compile has made."""
    dynamo = sys.modules.get("torch._dynamo.utils")
    return int(dynamo.counters["stats"]["unique_graphs"]) if dynamo is not None else 0
