"""Which modules a file imports by their absolute names, and the one rewrite that makes the seam's import relative.

Works on the syntax tree, so what stands in a string, a docstring or a comment is never touched.
"""

import ast
import re
from typing import NamedTuple

_DYNAMIC = {"import_module", "__import__"}


class Absolute(NamedTuple):
    """An import by absolute name.

    Attributes:
        line: Where it stands, from 1.
        offset: Bytes from the start of that line.
        module: The dotted name.
        rewritable: Whether it is a ``from … import`` statement.
    """

    line: int
    offset: int
    module: str
    rewritable: bool


class ImportsError(ValueError):
    """An import that would not survive under another name."""


def absolute_imports(source: bytes) -> list[Absolute]:
    """Every absolute import: statements anywhere in the file, and dynamic ones that are given a literal."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [
                Absolute(node.lineno, node.col_offset, alias.name, rewritable=False) for alias in node.names
            ]
        elif isinstance(node, ast.ImportFrom) and not node.level:
            found.append(Absolute(node.lineno, node.col_offset, node.module or "", rewritable=True))
        elif isinstance(node, ast.Call) and (name := _dynamic(node)):
            found.append(Absolute(node.lineno, node.col_offset, name, rewritable=False))
    return found


def made_relative(source: bytes, package: str, replacement: str, *, allowed: bool) -> bytes:
    """The source with ``from package import x`` as ``from replacement import x``.

    Args:
        source: A module, UTF-8.
        package: The top-level name to replace.
        replacement: What stands for it, such as ``._client``.
        allowed: Whether this module may name the package.

    Raises:
        ImportsError: it names the package and may not, or in a form that has no relative counterpart.
    """
    if package.encode() not in source:  # nearly always; parsing takes its time
        return source
    lines = source.splitlines(keepends=True)
    for item in absolute_imports(source):
        if item.module.partition(".")[0] != package:
            continue
        start, end = lines[item.line - 1][: item.offset], lines[item.line - 1][item.offset :]
        written = re.match(rb"from[ \t]+" + package.encode() + rb"\b", end)
        if not (allowed and item.rewritable and written):
            raise ImportsError(f"line {item.line} imports {item.module}, which cannot be carried along")
        lines[item.line - 1] = start + b"from " + replacement.encode() + end[written.end() :]
    return b"".join(lines)


def _dynamic(call: ast.Call) -> str | None:
    """The module named by a call of ``import_module`` or ``__import__`` with a literal, if it is absolute."""
    name = getattr(call.func, "attr", getattr(call.func, "id", None))
    if name not in _DYNAMIC or not call.args or not isinstance(call.args[0], ast.Constant):
        return None
    value = call.args[0].value
    return value if isinstance(value, str) and not value.startswith(".") else None
