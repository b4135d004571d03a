"""The watched run: what reaches torch's losses while a program runs.

_patches.py   where the calls are seen: the four builtins that all of torch's losses end in
_watch.py     the watch: which calls are read, at which line of the user's, within how much time
_looks.py     what is read in the values of one call
_report.py    what was found, what was looked at, and what was not, in words
_script.py    running a script under a watch
_pytest.py    the same for a run of pytest

This part needs torch, and is imported when a watch begins.
"""
