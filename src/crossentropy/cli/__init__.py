"""The command: parse, call, print; one file a verb.

Results go to standard output, progress and warnings to standard error, with `--json` one JSON object a line. Exit
codes: 0 done, 1 a mistake of ours, 2 wrong use or bad input, 130 interrupted, 143 terminated. The files import what
they need when their verb runs, so that `--help` answers at once.

_main.py     signals, errors, exit codes
_verbs.py    the group of verbs
_options.py  the options that several verbs take
_tell.py     what is said on standard error
"""

from crossentropy.cli._main import main

__all__ = ["main"]
