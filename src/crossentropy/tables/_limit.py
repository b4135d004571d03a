"""How much memory there is: the machine's, or less where the process belongs to a group that may use less."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

__all__ = ["memory_limit"]

_GROUPS, _OWN = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def memory_limit(groups: Path = _GROUPS, own: Path = _OWN) -> int:
    """Return the bytes that this process may use.

    Args:
        groups: where Linux shows control groups, of version 2 or 1 (below `memory`).
        own: the file that names the groups of this process, a line each.
    """
    found = [os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")]
    with contextlib.suppress(OSError):
        for line in own.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            if controllers not in ("", "memory"):
                continue
            top, name = (
                (groups, "memory.max") if not controllers else (groups / "memory", "memory.limit_in_bytes")
            )
            place = top / path.lstrip("/")
            # a group is held to the limits of those around it; within a container the path leads nowhere, its top does
            found += [
                _bytes(folder / name) for folder in (place, *place.parents) if folder.is_relative_to(top)
            ]
    return min(limit for limit in found if limit > 0)


def _bytes(path: Path) -> int:
    """Return the number in a file; 0 where there is none, or no limit."""
    try:
        return int(path.read_text())
    except (OSError, ValueError):
        return 0
