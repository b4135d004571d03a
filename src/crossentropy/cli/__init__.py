"""The command: parse, call, print; one file a verb.

Results go to standard output, progress and warnings to standard error. Exit codes: 0 done, 1 a mistake of ours,
2 wrong use or bad input, 130 interrupted, 143 terminated. The files import what they need when their verb runs,
so that `--help` answers at once.
"""

from crossentropy.cli._main import main

__all__ = ["main"]
