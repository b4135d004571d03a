"""Edits that leave what a program computes as it was, and make it stable or plain."""

from __future__ import annotations

import ast
import io
import re
import tokenize
from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from crossentropy.check._findings import Edit, Finding, Logarithm
from crossentropy.check._project import Module
from crossentropy.check._torch import operation
from crossentropy.check._values import External

_LINE_END = re.compile(r"(?<=\n)|(?<=\r)(?!\n)")


def unwrap(file: Module, node: ast.AST) -> tuple[Edit, ...]:
    """Replace a call by what it is given: f(x, dim=1) and x.f(dim=1) become x."""
    if not isinstance(node, ast.Call) or any(isinstance(a, ast.Starred) for a in node.args):
        return ()
    if any(keyword.arg != "dim" for keyword in node.keywords):
        return ()  # a dtype changes the result
    kind = _kind(file, node.func)
    inner = (
        node.func.value
        if kind == "method" and isinstance(node.func, ast.Attribute)
        else next(iter(node.args), None)
    )
    if kind == "unknown" or inner is None or isinstance(inner, ast.Constant):
        return ()
    return _replaced(file, node, _operand(file, inner))


def log_of(event: Logarithm, name: str, better: str) -> tuple[Edit, ...]:
    """Replace log(name(x)) by better(x), written as the code writes it."""
    outer, inner = event.node, event.input_node
    if not isinstance(outer, ast.Call) or not isinstance(inner, ast.Call) or event.input.complement:
        return ()
    function = inner.func
    if (
        not isinstance(function, ast.Attribute)
        or function.attr != name
        or outer.keywords
        or len(outer.args) > 1
        or any(keyword.arg == "out" for keyword in inner.keywords)
    ):
        return ()
    arguments = [_text(event.file, part) for part in (*inner.args, *inner.keywords)]
    owner = _operand(event.file, function.value)
    if better == "logsigmoid":
        # neither the torch module nor a tensor has it
        names = [
            name
            for name, value in event.file.scope.items()
            if getattr(value, "name", "") == "torch.nn.functional"
        ]
        value = arguments[0] if arguments else owner
        return _replaced(event.file, outer, f"{names[0]}.logsigmoid({value})") if names else ()
    return _replaced(event.file, outer, f"{owner}.{better}({', '.join(arguments)})")


def fix_text(text: str, edits: Iterable[Edit]) -> tuple[str, int]:
    """Apply the edits, last one first, leaving out those that overlap; return the text and how many were applied.

    Lines end as Python ends them, by CR, LF or both, and each keeps its own end.
    """
    lines = _LINE_END.split(text)
    done = 0
    limit = (len(lines) + 1, 0)
    for edit in sorted(set(edits), key=lambda e: (e.line, e.column), reverse=True):
        if (edit.end_line, edit.end_column) > limit:
            continue
        first, last = edit.line - 1, edit.end_line - 1
        end = lines[first][len(lines[first].rstrip("\r\n")) :]
        by = edit.text.replace("\n", end)
        joined = lines[first][: edit.column] + by + lines[last][edit.end_column :]
        lines[first : last + 1] = [line for line in _LINE_END.split(joined) if line]
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
        fixed, done[name] = fix_text(raw.decode(encoding), wanted)
        ast.parse(fixed)
        path.write_bytes(fixed.encode(encoding))
    return done


def _kind(file: Module, function: ast.expr) -> Literal["function", "method", "unknown"]:
    """Say whether what is called is a function of a module, or a method of a tensor, whatever the names are."""
    root: ast.expr = function
    names = []
    while isinstance(root, ast.Attribute):
        names.append(root.attr)
        root = root.value
    if root is function:
        return "function"
    if not isinstance(root, ast.Name):
        return "method"
    value = file.scope.get(root.id)
    if isinstance(value, External):
        whole = ".".join([value.name, *reversed(names)])
        return "function" if operation(whole) else "unknown"
    imports = (n for n in ast.walk(file.source.tree) if isinstance(n, ast.Import | ast.ImportFrom))
    bound = {(a.asname or a.name).partition(".")[0] for n in imports for a in n.names}
    return "unknown" if root.id in bound else "method"


def _text(file: Module, node: ast.AST) -> str:
    return ast.get_source_segment(file.source.text, node) or ""


def _operand(file: Module, node: ast.AST) -> str:
    """Return the text of an expression, in parentheses where it may need them: `ast` leaves out those around it."""
    text = _text(file, node)
    plain = isinstance(node, ast.Name | ast.Attribute | ast.Call | ast.Subscript)
    return text if plain or not text else f"({text})"


def _replaced(file: Module, node: ast.Call, by: str) -> tuple[Edit, ...]:
    if not by or node.end_lineno is None or node.end_col_offset is None:
        return ()
    if _text(file, node).count("#") > by.count("#"):
        return ()  # a comment would be lost
    lines = file.source.text.split("\n")
    start = _characters(lines[node.lineno - 1], node.col_offset)
    end = _characters(lines[node.end_lineno - 1], node.end_col_offset)
    return (Edit(node.lineno, start, node.end_lineno, end, by),)


def _characters(line: str, offset: int) -> int:
    """Turn a column in bytes of UTF-8, as `ast` counts, into one in characters."""
    return len(line.encode()[:offset].decode(errors="ignore"))
