"""From a documentation page, a file or an https address, to the OpenAPI document that it holds, character for character."""

import re
import time
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tools.spec.document import MAX_BYTES, DocumentError, load

_FENCE = re.compile(r" {0,3}(?P<ticks>`{3,}|~{3,})(?P<info>[^`]*)")
_BARE = re.compile(r"""\s*\{|(?:.*\n)*?["']?openapi["']?\s*:\s*["']?3""")
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})
_LANGUAGES = frozenset({"yaml", "yml", "json", "openapi"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class PageError(ValueError):
    """The page cannot be had, or does not hold exactly one usable OpenAPI document."""


class Operation(NamedTuple):
    """What a page documents: an HTTP method in lower case, and a path with its leading slash."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


class Fence(NamedTuple):
    """A fenced block: its info string, the lines in it exactly as they stand, and the line of the page they begin on."""

    info: str
    text: str
    line: int


def read(page: str) -> bytes:
    """Return the content of a page: a file, or an address if its name has `://` in it.

    Raises:
        PageError: The address cannot be fetched.
        OSError: The file cannot be read.
    """
    if "://" in page:
        return fetch(page)
    with Path(page).open("rb") as file:
        return file.read(MAX_BYTES + 1)


def fetch(url: str, *, timeout: float = 30.0, limit: int = MAX_BYTES) -> bytes:
    """Return the body of a page. Plain http is for loopback alone, where tests serve pages.

    Args:
        url: Its address, https.
        timeout: Seconds without a byte, and for all of the body.
        limit: Most bytes of the body.

    Raises:
        PageError: Another response than 200, a redirect, HTML, too much, too slow, or no response.
    """
    try:
        address = httpx.URL(url)
        if address.scheme != "https" and not (address.scheme == "http" and address.host in _LOOPBACK):
            raise PageError("only https addresses are fetched")
        if address.userinfo or not address.host:
            raise PageError("an address with a host and without a name or password is needed")
        headers = {"Accept": "text/markdown, text/plain, application/yaml", "Accept-Encoding": "identity"}
        with httpx.stream("GET", address, headers=headers, timeout=timeout) as response:
            return _body(response, time.monotonic() + timeout, limit)
    except (httpx.InvalidURL, UnicodeError) as error:
        raise PageError(f"not an address: {error}") from None
    except httpx.HTTPError as error:
        raise PageError(f"no whole response: {type(error).__name__}: {error}") from None


def _body(response: httpx.Response, deadline: float, limit: int) -> bytes:
    if response.has_redirect_location:
        raise PageError(f"moved to {response.headers['Location']}; if that is the page, name it instead")
    if response.status_code != 200:
        raise PageError(f"HTTP {response.status_code}")
    kind = response.headers.get("Content-Type", "")
    if "html" in kind:
        raise PageError(f"it is {kind} (a login or error page?); most docs sites add .md to an address")
    body = bytearray()
    for chunk in response.iter_bytes(16_384):
        body += chunk
        if len(body) > limit:
            raise PageError(f"over {limit} bytes: not a documentation page")
        if time.monotonic() > deadline:
            raise PageError("no whole response in time")
    return bytes(body)


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


def extract(page: str) -> str:
    """Return the page's OpenAPI document, verbatim.

    The page may be the document itself, in YAML or JSON; or Markdown with one block whose info string names an
    operation, as Mintlify writes it; or, without such a block, Markdown with one block that is an OpenAPI document.

    Raises:
        PageError: The page has no or several OpenAPI blocks, or a block without the operation it names.
    """
    if _BARE.match(re.split(r"^ {0,3}(?:`{3}|~{3})", page, maxsplit=1, flags=re.MULTILINE)[0]):
        return _checked(Fence("", page if page.endswith("\n") else f"{page}\n", 1))
    blocks = fences(page)
    found = [block for block in blocks if operation_of(block.info)]
    found = found or [block for block in blocks if _is_document(block)]
    if len(found) != 1:
        where = "".join(f", line {block.line}" for block in found)
        html = (
            ", and HTML: a login or error page?"
            if re.search("<(!doctype )?html", page, re.IGNORECASE)
            else ""
        )
        raise PageError(f"expected one block of the kind `yaml post /path`, found {len(found)}{where}{html}")
    return _checked(found[0])


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
            raise PageError(f"the block opened on line {number} is never closed: the page is incomplete")
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
    return frozenset(
        Operation(method, path)
        for path, methods in (paths.items() if isinstance(paths, dict) else ())
        if isinstance(methods, dict)
        for method, operation in methods.items()
        if method in _METHODS and isinstance(operation, dict)
    )


def _checked(block: Fence) -> str:
    operation = operation_of(block.info)
    try:
        operations = operations_of(load(block.text))
    except DocumentError as error:
        raise PageError(f"the document that begins on line {block.line}: {error}") from None
    if not operations or (operation and operation not in operations):
        raise PageError(
            f"the block is no OpenAPI 3 document with {operation or 'an operation'} in its `paths`"
        )
    return block.text


def _is_document(block: Fence) -> bool:
    if (block.info.split() or [""])[0].lower() not in _LANGUAGES:
        return False
    try:
        return bool(operations_of(load(block.text)))
    except DocumentError:
        return False
