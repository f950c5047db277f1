"""Read the OpenAPI document out of a documentation page. Pure: text in, text out."""

import re
from dataclasses import dataclass
from typing import Any

from _document import MAX_BYTES, DocumentError, load

_FENCE = re.compile(r" {0,3}(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)")
_BARE = re.compile(r"""\s*\{|(?:.*\n)*?["']?openapi["']?\s*:\s*["']?3""")
_HTML = re.compile(r"\A\s*<(!doctype|html|head|body|\?xml)\b|<(!doctype\s+html|html)[\s>]", re.IGNORECASE)
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_LANGUAGES = frozenset({"yaml", "yml", "json", "openapi"})


class PageError(ValueError):
    """The page does not hold exactly one usable OpenAPI document."""


@dataclass(frozen=True, slots=True, order=True)
class Operation:
    """What a page documents: an HTTP method in lower case, and a path with its leading slash."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


@dataclass(frozen=True, slots=True)
class Fence:
    """A fenced block: its info string, the lines in it exactly as they stand, and the line of the page they begin on."""

    info: str
    text: str
    line: int


def decode(content: bytes) -> str:
    """Return a page's text, without a byte order mark and with LF line ends.

    Raises:
        PageError: It is too big, or not UTF-8 text.
    """
    if len(content) > MAX_BYTES:
        raise PageError(f"over {MAX_BYTES} bytes: not a documentation page")
    try:
        text = content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise PageError("not UTF-8 text") from None
    if "\0" in text:
        raise PageError("holds NUL bytes: not text")
    return text


def fences(page: str) -> list[Fence]:
    """Return the top-level fenced blocks: three or more backticks or tildes, closed by a line of the same count.

    Raises:
        PageError: A block is never closed, so the page was cut off.
    """
    found: list[Fence] = []
    lines = iter(enumerate(page.split("\n"), 1))
    for number, line in lines:
        opening = _FENCE.fullmatch(line.rstrip())
        if not opening:
            continue
        body: list[str] = []
        for _, inner in lines:
            if inner.strip() == opening["ticks"]:
                break
            body.append(f"{inner}\n")
        else:
            raise PageError(
                f"the block opened by {line.strip()[:80]!r} is never closed: the page is incomplete"
            )
        found.append(Fence(opening["info"].strip(), "".join(body), number + 1))
    return found


def operation_of(info: str) -> Operation | None:
    """Return the operation an info string names, as in `yaml [file] post /path`; None for any other block."""
    *kinds, method, path = ["", "", *info.split()]
    if not _LANGUAGES & set(kinds) or method.lower() not in _METHODS or not path.startswith("/"):
        return None
    return Operation(method.lower(), path)


def operations_of(document: Any) -> frozenset[Operation]:
    """Return the operations of an OpenAPI 3 document; none if it is no such document."""
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


def operations_in(text: str) -> frozenset[Operation]:
    """Return the operations an OpenAPI document in YAML or JSON holds; none if it is no such document."""
    return operations_of(document_in(text))


def document_in(text: str) -> Any:
    """Return the value of a text in YAML or JSON; None if it is neither."""
    try:
        return load(text)
    except DocumentError:
        return None


def answered_of(document: Any) -> frozenset[Operation]:
    """Return those of a document's operations that are described to succeed in some way."""
    return frozenset(
        operation
        for operation in operations_of(document)
        if any(
            str(status).startswith("2")
            for status in document["paths"][operation.path][operation.method].get("responses") or ()
        )
    )


def extract(page: str) -> Fence:
    """Return the page's OpenAPI document, verbatim.

    The page may be the document itself, in YAML or JSON; or Markdown with one block whose info string names an
    operation, as Mintlify writes it; or, without such a block, Markdown with one block that is an OpenAPI document.

    Raises:
        PageError: The page is HTML, has no or several OpenAPI blocks, or a block without the operation it names.
    """
    if _HTML.search(_outside_fences(page)):
        raise PageError("the page is HTML (a login or error page?), not Markdown")
    if _BARE.match(_before_fences(page)):
        return _checked(Fence("", page if page.endswith("\n") else f"{page}\n", 1))
    blocks = fences(page)
    named = [block for block in blocks if operation_of(block.info)]
    found = named or [block for block in blocks if _is_document(block)]
    if len(found) != 1:
        where = "".join(f", line {block.line}" for block in found)
        raise PageError(f"expected one block of the kind `yaml post /path`, found {len(found)}{where}")
    return _checked(found[0])


def _checked(block: Fence) -> Fence:
    operation = operation_of(block.info)
    try:
        operations = operations_of(load(block.text))
    except DocumentError as error:
        raise PageError(f"the document that begins on line {block.line}: {error}") from None
    if not operations or (operation and operation not in operations):
        raise PageError(
            f"the block is no OpenAPI 3 document with {operation or 'an operation'} in its `paths`"
        )
    return block


def _is_document(block: Fence) -> bool:
    language = block.info.split()[0].lower() if block.info else ""
    return language in _LANGUAGES and bool(operations_in(block.text))


def _before_fences(page: str) -> str:
    match = re.search(r"^ {0,3}(`{3}|~{3})", page, re.MULTILINE)
    return page[: match.start()] if match else page


def _outside_fences(page: str) -> str:
    """The page without what its blocks hold, which may well be HTML; the whole of a page that was cut off."""
    try:
        blocks = fences(page)
    except PageError:
        return page
    for block in blocks:
        page = page.replace(block.text, "", 1) if block.text else page
    return page
