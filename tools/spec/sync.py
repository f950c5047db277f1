"""Update openapi.yaml from its documentation page: `python -m tools.spec.sync [PAGE] [--out FILE] [--replace]`.

The page is a file or an https address; by default the published one. Its document is taken character for character, if
it is valid. Exit codes: 0 done, 2 the page was refused and the file left as it was.
"""

import argparse
import re
import sys
import time
from pathlib import Path

import httpx

from tools import ToolError, program
from tools.spec.document import METHODS, Operation, load, operations_of, valid

PUBLISHED = "https://docs.inworld.ai/api-reference/embeddingsAPI/createembeddings/create-embeddings.md"
MAX_BYTES = 2 * 1024 * 1024
"""Largest page that is fetched. The published one has 13 kB."""

_ADDRESS = re.compile(r"(https://[\w.-]+(:\d+)?|http://127\.0\.0\.1:\d+)(/|$)", re.ASCII)
"""Plain http is for tests, which serve pages on loopback."""

_FENCE = re.compile(
    r"^ {0,3}(?P<ticks>`{3,}|~{3,})(?P<info>[^`\n]*)\n(?P<text>(?:.*\n)*?)(?:[ \t]*(?P=ticks)[ \t]*$|(?P<cut>.*)\Z)",
    re.MULTILINE,
)
"""A block on the page's top level: three or more backticks or tildes, closed by a line of the same, or cut off."""

_NAMED = re.compile(rf"(?:yaml|yml|json|openapi)\s(?:.*\s)?({'|'.join(METHODS)})\s+(/\S*)", re.IGNORECASE)


def fetch(url: str, *, timeout: float = 30.0, limit: int = MAX_BYTES) -> bytes:
    """Return the body of a page of at most `limit` bytes, within `timeout` seconds."""
    if not _ADDRESS.match(url):
        raise ToolError("only plain https addresses are fetched, without a name or password")
    headers = {"Accept": "text/markdown, text/plain, application/yaml", "Accept-Encoding": "identity"}
    try:
        with httpx.stream("GET", url, headers=headers, timeout=timeout) as response:
            return _body(response, time.monotonic() + timeout, limit)
    except (httpx.InvalidURL, httpx.HTTPError) as error:
        raise ToolError(f"no whole response: {type(error).__name__}: {error}") from None


def _body(response: httpx.Response, deadline: float, limit: int) -> bytes:
    if response.has_redirect_location:
        raise ToolError(f"moved to {response.headers['Location']}; if that is the page, name it instead")
    if response.status_code != 200:
        raise ToolError(f"HTTP {response.status_code}")
    kind = response.headers.get("Content-Type", "")
    if "html" in kind:
        raise ToolError(f"it is {kind} (a login or error page?); most docs sites add .md to an address")
    body = bytearray()
    for chunk in response.iter_bytes():  # as they come: in larger pieces, one who drips would be waited for
        body += chunk
        if len(body) > limit:
            raise ToolError(f"over {limit} bytes: not a documentation page")
        if time.monotonic() > deadline:
            raise ToolError("no whole response in time")
    return bytes(body)


def decode(content: bytes) -> str:
    """Return a page's text, without a byte order mark and with LF line ends."""
    try:
        return content.decode("utf-8-sig").replace("\r\n", "\n")
    except UnicodeDecodeError:
        raise ToolError("not UTF-8 text") from None


def extract(page: str) -> str:
    """Return the page's OpenAPI document, verbatim.

    The page may be the document itself, in YAML or JSON; or Markdown with one block whose info string names an
    operation, as Mintlify writes it; or, without such a block, Markdown with one block that is an OpenAPI document.
    """
    if _document(page)[0]:
        return page if page.endswith("\n") else f"{page}\n"
    blocks = list(_FENCE.finditer(page))
    if blocks and blocks[-1]["cut"] is not None:
        raise ToolError(f"the block on line {_line(blocks[-1])} is never closed: the page is incomplete")
    if not blocks and re.match(r"\W*(openapi|swagger)\b", page):
        raise ToolError(_document(page)[1])
    found = [block for block in blocks if _named(block)]
    found = found or [block for block in blocks if _document(block["text"])[0]]
    if len(found) != 1:
        where = "".join(f", line {_line(block)}" for block in found)
        raise ToolError(f"expected one block of the kind `yaml post /path`, found {len(found)}{where}")
    operations, why_not = _document(found[0]["text"])
    if not operations or _named(found[0]) not in {None, *operations}:
        why_not = why_not or f"it is no OpenAPI 3 document with {_named(found[0])} in its `paths`"
        raise ToolError(f"the block on line {_line(found[0])}: {why_not}")
    return found[0]["text"]


def _document(text: str) -> tuple[frozenset[Operation], str]:
    """The operations of a text that is an OpenAPI document, or why it is none."""
    try:
        found = frozenset(operations_of(load(text)))
    except ToolError as error:
        return frozenset(), str(error)
    return found, "" if found else "it is no OpenAPI 3 document with an operation in its `paths`"


def _named(block: re.Match[str]) -> Operation | None:
    """The operation that the block's info string names, as in `yaml [file] post /path`."""
    found = _NAMED.fullmatch(block["info"].strip())
    return Operation(found[1].lower(), found[2]) if found else None


def _line(block: re.Match[str]) -> int:
    return block.string.count("\n", 0, block.start("text")) + 1


def sync(page: str, out: Path, *, replace: bool = False) -> bool:
    """Bring a file up to date with a page, and return whether it was changed.

    A page that is not valid, or (unless `replace`) lacks an operation that the file has, is refused and nothing written.
    """
    old = out.read_text("utf-8", "replace") if out.exists() else ""
    try:
        content = fetch(page) if "://" in page else Path(page).read_bytes()
        new = extract(decode(content))
        valid(new)
    except (ToolError, OSError) as error:
        raise ToolError(f"{page}: {error}") from None
    before, after = (sorted(map(str, _document(text)[0])) for text in (old, new))
    if (lost := [name for name in before if name not in after]) and not replace:
        raise ToolError(
            f"{page} lacks {', '.join(lost)}; it has {', '.join(after)}. If that is meant: --replace"
        )
    if new != old:
        out.write_bytes(new.encode())
    return new != old


@program
def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", nargs="?", metavar="PAGE", default=PUBLISHED, help="Markdown, YAML or JSON")
    parser.add_argument("--out", type=Path, default=Path("openapi.yaml"), help="default: %(default)s")
    parser.add_argument("--replace", action="store_true", help="write even if an operation is lost")
    options = parser.parse_args(argv)
    changed = sync(options.page, options.out, replace=options.replace)
    print(f"{options.out} {'written' if changed else 'is what the page says'}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
