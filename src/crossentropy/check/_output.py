"""The result of a check, told: as text, as JSON, and as SARIF 2.1.0 for code hosts and editors."""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Any

from crossentropy.check._findings import Edit, Finding
from crossentropy.check._run import CheckResult
from crossentropy.check.rules import RULES

SARIF_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def to_text(result: CheckResult) -> str:
    """Tell the findings a line each, then what was looked at and what was not."""
    lines = [
        f"{_where(f)}:{f.line}:{f.column}: {f.severity} {f.rule} {f.name}: {f.message}"
        for f in result.findings
    ]
    return "\n".join([*lines, *([""] if lines else []), coverage(result)])


def coverage(result: CheckResult) -> str:
    """Say what was found, what was looked at, and what was not."""
    found = len(result.findings)
    silenced = f" ({result.silenced} more silenced by comments)" if result.silenced else ""
    parts = [f"{_count(found, 'finding')}{silenced} in {_count(result.files, 'file')}."]
    if result.losses:
        rest = result.losses - result.followed
        parts.append(
            f"Of {_count(result.losses, 'place')} where a loss is computed, the input was traced to what made it in "
            f"{result.followed}" + (f"; in the other {rest} nothing is known of it." if rest else ".")
        )
    else:
        parts.append("No place was seen where a loss is computed.")
    if result.cut_short:
        parts.append(
            f"In {_count(len(result.cut_short), 'file')} some calls lead so far that they were not followed to their "
            f"end ({_few(result.cut_short)})."
        )
    if result.unread:
        parts.append(
            f"Not checked: {_count(len(result.unread), 'file or cell', 'files and cells')} that could not be read."
        )
    return " ".join(parts)


def to_json(result: CheckResult) -> str:
    """Tell everything as one JSON object."""
    return json.dumps(asdict(result), indent=1)


def to_sarif(result: CheckResult, version: str) -> str:
    """Tell the findings as a SARIF 2.1.0 log."""
    driver = {
        "name": "crossentropy check",
        "version": version,
        "rules": [
            {
                "id": rule.id,
                "name": rule.name,
                "shortDescription": {"text": rule.summary},
                "fullDescription": {"text": rule.why},
                "help": {"text": f"{rule.why}\n\nInstead of:\n\n{rule.bad}\nwrite:\n\n{rule.good}"},
                "defaultConfiguration": {"level": rule.severity},
            }
            for rule in RULES.values()
        ],
    }
    notes = [{"level": "warning", "message": {"text": text}} for text in result.unread]
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "invocations": [{"executionSuccessful": not result.unread, "toolExecutionNotifications": notes}],
        "results": [_sarif_result(f) for f in result.findings],
    }
    return json.dumps({"$schema": SARIF_SCHEMA, "version": "2.1.0", "runs": [run]}, indent=1)


def _sarif_result(finding: Finding) -> dict[str, Any]:
    location = {
        "physicalLocation": {
            "artifactLocation": {"uri": _uri(finding.path)},
            "region": {
                "startLine": finding.line,
                "startColumn": finding.column,
                "endLine": finding.end_line,
                "endColumn": finding.end_column,
            },
        }
    }
    result: dict[str, Any] = {
        "ruleId": finding.rule,
        "ruleIndex": list(RULES).index(finding.rule),
        "level": finding.severity,
        "message": {"text": finding.message},
        "locations": [location],
    }
    if finding.cell is not None:
        result["message"]["text"] = f"In code cell {finding.cell}: {finding.message}"
    elif finding.edits:
        change = {
            "artifactLocation": {"uri": _uri(finding.path)},
            "replacements": list(_replacements(finding.edits)),
        }
        result["fixes"] = [
            {"description": {"text": RULES[finding.rule].summary}, "artifactChanges": [change]}
        ]
    return result


def _replacements(edits: Iterable[Edit]) -> Iterable[dict[str, Any]]:
    for edit in edits:
        region = {
            "startLine": edit.line,
            "startColumn": edit.column + 1,
            "endLine": edit.end_line,
            "endColumn": edit.end_column + 1,
        }
        yield {"deletedRegion": region, "insertedContent": {"text": edit.text}}


def _uri(path: str) -> str:
    given = Path(path)
    return given.as_uri() if given.is_absolute() else given.as_posix().replace(" ", "%20")


def _where(finding: Finding) -> str:
    return finding.path if finding.cell is None else f"{finding.path}:cell {finding.cell}"


def _few(names: list[str]) -> str:
    shown = ", ".join(names[:3])
    return shown if len(names) <= 3 else f"{shown}, and {len(names) - 3:,} more; --json names all"


def _count(number: int, what: str, several: str = "") -> str:
    return f"{number:,} {what if number == 1 else several or what + 's'}"
