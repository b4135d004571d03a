"""The real command in a real process, and what a folder holds before and after."""

import ctypes
import hashlib
import os
import shlex
import subprocess
import sys

COMMAND = [sys.executable, "-m", "crossentropy"]


def call(*arguments, cwd, **options):
    """Run the command to its end, and return (exit code as a shell sees it, standard output, standard error)."""
    done = subprocess.run(
        [*COMMAND, *map(str, arguments)], cwd=cwd, capture_output=True, text=True, timeout=120, **options
    )
    return shell_code(done.returncode), done.stdout, done.stderr


def shell_code(code):
    return code if code >= 0 else 128 - code


def contents(folder):
    """Every path under a folder with its kind, permissions and content."""
    found = {}
    for path in sorted(folder.rglob("*")):
        data = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else ""
        found[str(path.relative_to(folder))] = (path.lstat().st_mode, data)
    return found


def bound_by_permissions():
    """Take from root, in the process that calls it, what makes permissions not bind it (to run before exec)."""
    if os.geteuid() == 0:
        capbset_drop, dac_override, dac_read_search = 24, 1, 2
        for capability in (dac_override, dac_read_search):
            if ctypes.CDLL(None, use_errno=True).prctl(capbset_drop, capability, 0, 0, 0):
                raise OSError(ctypes.get_errno(), "prctl")


def on_small_disk(folder, kilobytes, arguments, prepare=":"):
    """Run the command in `folder`, where a disk of so many kilobytes is mounted on `disk`; return what was found.

    The disk is a tmpfs in a mount namespace of its own; where the system allows none, no file may grow beyond its size,
    which fails in the same place by another number.

    Returns:
        (exit code, standard error, the lines of `sha256sum` over all files on the disk before, and after).
    """
    (folder / "disk").mkdir(exist_ok=True)
    look = "find disk -type f -exec sha256sum {} + | sort; find disk -mindepth 1 -type d | sort"
    command = f"{shlex.join([*COMMAND, *arguments])} > out.txt 2> err.txt; echo $? > code.txt"
    mount = f"mount -t tmpfs -o size={kilobytes}k tmpfs disk"
    whole = f"{prepare}; {{ {look}; }} > before.txt; {command}; {{ {look}; }} > after.txt"
    limit = f"ulimit -f {kilobytes // 4}"
    for script in (
        ["unshare", "--mount", "sh", "-c", f"{mount} && {{ {whole}; }}"],
        ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c", f"{mount} && {{ {whole}; }}"],
        ["bash", "-c", whole.replace(command, f"({limit}; {command})")],
    ):
        subprocess.run(script, cwd=folder, capture_output=True, timeout=120)
        if (folder / "code.txt").exists():
            break
    code = int((folder / "code.txt").read_text())
    return (
        code,
        (folder / "err.txt").read_text(),
        *((folder / f"{n}.txt").read_text() for n in ("before", "after")),
    )
