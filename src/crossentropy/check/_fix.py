"""Edits that leave what a program computes as it was, and make it stable or plain."""

from __future__ import annotations

import ast
import io
import tokenize
from collections.abc import Iterable
from pathlib import Path

from crossentropy.check._findings import Edit, Finding, Logarithm


def unwrap(text: str, node: ast.AST) -> tuple[Edit, ...]:
    """Replace a call by its first argument: f(x, dim=1) and x.f(dim=1) become x."""
    if not isinstance(node, ast.Call):
        return ()
    method = isinstance(node.func, ast.Attribute) and not _is_namespace(node.func.value)
    inner = (
        node.func.value if method and isinstance(node.func, ast.Attribute) else next(iter(node.args), None)
    )
    return _replaced(text, node, _text(text, inner)) if inner is not None else ()


def log_of(event: Logarithm, name: str, better: str) -> tuple[Edit, ...]:
    """Replace log(name(x)) by better(x), written as the code writes it."""
    text = event.file.source.text
    outer, inner = event.node, event.input_node
    if not isinstance(outer, ast.Call) or not isinstance(inner, ast.Call) or event.input.complement:
        return ()
    function = inner.func
    if (
        not isinstance(function, ast.Attribute)
        or function.attr != name
        or outer.keywords
        or len(outer.args) > 1
    ):
        return ()
    arguments = [_text(text, part) for part in (*inner.args, *inner.keywords)]
    owner = _text(text, function.value)
    if better == "logsigmoid":
        # neither the torch module nor a tensor has it
        names = [
            name
            for name, value in event.file.scope.items()
            if getattr(value, "name", "") == "torch.nn.functional"
        ]
        value = arguments[0] if arguments else owner
        return _replaced(text, outer, f"{names[0]}.logsigmoid({value})") if names else ()
    return _replaced(text, outer, f"{owner}.{better}({', '.join(arguments)})")


def fix_text(text: str, edits: Iterable[Edit]) -> tuple[str, int]:
    """Apply the edits, last one first, leaving out those that overlap; return the text and how many were applied."""
    lines = text.splitlines(keepends=True)
    done = 0
    limit = (len(lines) + 1, 0)
    for edit in sorted(set(edits), key=lambda e: (e.line, e.column), reverse=True):
        if (edit.end_line, edit.end_column) > limit:
            continue
        first, last = edit.line - 1, edit.end_line - 1
        joined = lines[first][: edit.column] + edit.text + lines[last][edit.end_column :]
        lines[first : last + 1] = joined.splitlines(keepends=True)
        limit = (edit.line, edit.column)
        done += 1
    return "".join(lines), done


def fix_files(findings: Iterable[Finding]) -> dict[str, int]:
    """Apply the edits of the findings to their files; notebooks are left alone. Return how many went into each."""
    edits: dict[str, list[Edit]] = {}
    for finding in findings:
        if finding.edits and finding.cell is None:
            edits.setdefault(finding.path, []).extend(finding.edits)
    done = {}
    for name, wanted in edits.items():
        path = Path(name)
        raw = path.read_bytes()
        encoding, _ = tokenize.detect_encoding(io.BytesIO(raw).readline)
        newline = "\r\n" if b"\r\n" in raw else "\n"
        fixed, done[name] = fix_text(raw.decode(encoding).replace("\r\n", "\n"), wanted)
        ast.parse(fixed)
        path.write_bytes(fixed.replace("\n", newline).encode(encoding.removesuffix("-sig")))
    return done


def _is_namespace(node: ast.expr) -> bool:
    name = node.attr if isinstance(node, ast.Attribute) else getattr(node, "id", "")
    return name in ("F", "torch", "functional", "nn", "special")


def _text(text: str, node: ast.AST) -> str:
    return ast.get_source_segment(text, node) or ""


def _replaced(text: str, node: ast.Call, by: str) -> tuple[Edit, ...]:
    if not by or node.end_lineno is None or node.end_col_offset is None:
        return ()
    lines = text.splitlines()
    start = _characters(lines[node.lineno - 1], node.col_offset)
    end = _characters(lines[node.end_lineno - 1], node.end_col_offset)
    return (Edit(node.lineno, start, node.end_lineno, end, by),)


def _characters(line: str, offset: int) -> int:
    """Turn a column in bytes of UTF-8, as `ast` counts, into one in characters."""
    return len(line.encode()[:offset].decode(errors="ignore"))
