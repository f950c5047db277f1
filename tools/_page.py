"""Read the OpenAPI document out of a documentation page. Pure: text in, text out."""

import re
from dataclasses import dataclass
from typing import Any

import yaml

_FENCE = re.compile(r" {0,3}(?P<ticks>`{3,})(?P<info>[^`]*)")
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


class PageError(ValueError):
    """The page does not hold exactly one usable OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Operation:
    """What a page documents: an HTTP method in lower case, and a path with its leading slash."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: its info string, and the lines in it exactly as they stand."""

    info: str
    text: str


def fences(page: str) -> list[Fence]:
    """Return the top-level fenced blocks: three or more backticks, closed by a line of the same count.

    Raises:
        PageError: A block is never closed, so the page was cut off.
    """
    found: list[Fence] = []
    lines = iter(page.split("\n"))
    for line in lines:
        opening = _FENCE.fullmatch(line.rstrip())
        if not opening:
            continue
        body: list[str] = []
        for inner in lines:
            if inner.strip() == opening["ticks"]:
                break
            body.append(f"{inner}\n")
        else:
            raise PageError(f"the block opened by {line.strip()!r} is never closed: the page is incomplete")
        found.append(Fence(opening["info"].strip(), "".join(body)))
    return found


def operation_of(info: str) -> Operation | None:
    """Return the operation an info string names, as in `yaml [file] post /path`; None for any other block."""
    *kinds, method, path = ["", "", *info.split()]
    if "yaml" not in kinds or method.lower() not in _METHODS or not path.startswith("/"):
        return None
    return Operation(method.lower(), path)


def operations_in(text: str) -> frozenset[Operation]:
    """Return the operations an OpenAPI document in YAML holds; none if it is no such document."""
    try:
        document: Any = yaml.safe_load(text)
    except yaml.YAMLError:
        return frozenset()
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        return frozenset()
    paths = document.get("paths")
    items = paths.items() if isinstance(paths, dict) else ()
    return frozenset(
        Operation(method, path)
        for path, methods in items
        if isinstance(methods, dict)
        for method, operation in methods.items()
        if method in _METHODS and isinstance(operation, dict)
    )


def extract(page: str) -> str:
    """Return the page's OpenAPI document, verbatim.

    Raises:
        PageError: The page is HTML, has no or several OpenAPI blocks, or a block without the operation it names.
    """
    if re.match(r"\s*<(!doctype|html|head|body)\b", page.removeprefix("\ufeff"), re.IGNORECASE):
        raise PageError("the page is HTML (a login or error page?), not Markdown")
    found = [(operation, fence.text) for fence in fences(page) if (operation := operation_of(fence.info))]
    if len(found) != 1:
        raise PageError(f"expected one block of the kind `yaml post /path`, found {len(found)}")
    operation, text = found[0]
    if operation not in operations_in(text):
        raise PageError(f"the block is no OpenAPI 3 document with {operation} in its `paths`")
    return text
