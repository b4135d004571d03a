"""Finds misuse of the loss in other people's code: rules over the text, and a run that is watched.

The text (nothing is run, and torch is not imported):
_sources.py      files and notebooks, and the comments that silence a rule
_project.py      which file an import names
_values.py       what is known of a value: the abstract values, and their join
_torch.py, _makers.py, _operations.py, _layers.py   torch's names, and what its functions and layers do to values
_state.py, _methods.py, _calls.py, _arithmetic.py, _expressions.py, _definitions.py, _branches.py, _statements.py
                 the interpreter, each class built on the one before
_findings.py     findings, rules, and the events of a program that rules look at
rules/           the rules, a file each
_run.py, _output.py, _fix.py, _pages.py      checking files; text, JSON and SARIF; edits; the pages of the rules

The run: _watch.py has the doors to watching/, which sees the values that reach torch's losses.
"""

from crossentropy.check._findings import Finding, Rule
from crossentropy.check._fix import fix_files
from crossentropy.check._output import to_json, to_sarif, to_text
from crossentropy.check._pages import rule_page
from crossentropy.check._run import CheckResult, check_paths
from crossentropy.check._watch import watch, watch_json, watch_script
from crossentropy.check.rules import RULES

__all__ = [
    "RULES",
    "CheckResult",
    "Finding",
    "Rule",
    "check_paths",
    "fix_files",
    "rule_page",
    "to_json",
    "to_sarif",
    "to_text",
    "watch",
    "watch_json",
    "watch_script",
]
