"""What was found, what was looked at, and what was not, in words."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING

from crossentropy.check.watching._looks import SAMPLED

if TYPE_CHECKING:
    from crossentropy.check.watching._watch import Site, Watch

# the page of `docs/check/` that tells more
PAGES = {
    "logits-as-probabilities": "CE004",
    "no-log-probabilities": "CE005",
    "softmax-over-batch": "CE006",
    "class-id-out-of-range": "CE009",
    "wrong-target": "CE008",
    "dead-gradient": "CE007",
}


def to_text(watch: Watch) -> str:
    """Tell a watch to a person."""
    findings = watch.findings
    lines = [f"crossentropy watch: {len(findings)} finding{'' if len(findings) == 1 else 's'}"]
    for f in findings:
        page = PAGES.get(f.kind, "")
        if f.kind == "probabilities-as-logits":
            page = "CE003" if "binary" in f.loss else "CE001"
        more = f" See `crossentropy check --explain {page}`." if page else ""
        lines.append(f"{_shown(f.path)}:{f.line}: {f.kind} ({f.loss}): {f.message.rstrip('.')}.{more}")
    lines += ["", "What was looked at:"]
    lines += [f"  {_site(site)}" for site in _sites(watch)] or ["  no call of one of torch's losses was seen"]
    lines += ["", "What was not:", *(f"  {text}" for text in not_looked_at(watch))]
    return "\n".join(lines)


def to_json(watch: Watch) -> str:
    """Tell a watch to a machine."""
    sites = [
        {
            "path": s.path,
            "line": s.line,
            "loss": s.family,
            "calls": s.calls,
            "read": s.read,
            "classes": s.classes,
            "first_loss": s.first_loss,
            "last_loss": s.last_loss,
            "lowest_loss": s.lowest_loss,
        }
        for s in _sites(watch)
    ]
    told = {
        "findings": [asdict(f) for f in watch.findings],
        "looked_at": sites,
        "not_looked_at": not_looked_at(watch),
    }
    return json.dumps(told, indent=1)


def not_looked_at(watch: Watch) -> list[str]:
    """Say what the watch did not see."""
    found = []
    calls, read = (sum(getattr(s, name) for s in watch.sites.values()) for name in ("calls", "read"))
    if calls > read:
        found.append(
            f"the values of {calls - read:,} of {calls:,} calls, to keep the run fast or as said below"
        )
    reasons: dict[str, int] = {}
    for site in watch.sites.values():
        for reason, count in site.unread.items():
            reasons[reason] = reasons.get(reason, 0) + count
    found += [f"the values of {count:,} calls: {reason}" for reason, count in reasons.items()]
    if watch.graphs:
        found.append(f"losses inside of the {watch.graphs} graphs that torch.compile made")
    if any(site.fused and site.read for site in watch.sites.values()):
        found.append(
            f"the logits of layer and loss in one, but for {SAMPLED} rows of each call that was read"
        )
    found += [
        "code that torch.jit compiled, and other processes (workers of a DataLoader, other ranks)",
        "losses written by hand, and other libraries' kernels",
    ]
    return found


def _sites(watch: Watch) -> list[Site]:
    return sorted(watch.sites.values(), key=lambda s: (s.path, s.line))


def _site(site: Site) -> str:
    classes = f", {site.classes} classes" if site.classes else ""
    loss = ""
    if site.first_loss is not None:
        loss = f", loss {site.first_loss:.4g} at first, {site.last_loss:.4g} at last, {site.lowest_loss:.4g} at best"
    given = "features" if site.fused else "input"
    unlinked = f"; in {site.unlinked:,} of them no gradient reaches the {given}" if site.unlinked else ""
    return (
        f"{_shown(site.path)}:{site.line} {site.family}: {site.calls:,} call{'' if site.calls == 1 else 's'}, "
        f"values read in {site.read:,}"
        f"{classes}{loss}{unlinked}"
    )


def _shown(path: str) -> str:
    try:
        return str(Path(path).relative_to(Path.cwd()))
    except ValueError:
        return path
