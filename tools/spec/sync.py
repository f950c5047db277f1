"""Update openapi.yaml from its documentation page: `python -m tools.spec.sync [PAGE] [--out FILE] [--check] [--replace]`.

The page is a file or an https address; by default the published one. Its document is taken character for character, if
it is valid. Exit codes: 0 done, 1 `--check` found a difference, 2 the page was refused and the file left as it was.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

from tools.spec.document import DocumentError, load
from tools.spec.page import Operation, PageError, decode, extract, operations_of, read
from tools.spec.schema import problems

FIX = "nox -s sync_spec"

PUBLISHED = "https://docs.inworld.ai/api-reference/embeddingsAPI/createembeddings/create-embeddings.md"


def sync(page: str, out: Path, *, check: bool = False, replace: bool = False) -> bool:
    """Bring a file up to date, and return whether it was, or had to be, changed.

    Args:
        page: A file or an address.
        out: The file.
        check: Write nothing.
        replace: Write even if an operation is lost.

    Raises:
        PageError, OSError: Nothing was written.
    """
    old = out.read_bytes().replace(b"\r\n", b"\n").decode(errors="replace") if out.exists() else ""
    try:
        new = document_of(page)
        if not replace:
            refuse_loss(old, new)
    except PageError as error:
        raise PageError(f"{page}: {error}") from None
    if new != old and not check:
        out.write_bytes(new.encode())
    return new != old


def document_of(page: str) -> str:
    """Return the document of a page, verbatim and valid.

    Raises:
        PageError: It cannot be had, or not be built on.
        OSError: The file cannot be read.
    """
    text = extract(decode(read(page)))
    if found := problems(load(text)):
        raise PageError("its document is not valid:\n" + "\n".join(f"- {problem}" for problem in found))
    return text


def refuse_loss(old: str, new: str) -> None:
    """Refuse a page that lacks an operation the file has: most likely it is the page of something else.

    Raises:
        PageError: Naming what would be lost.
    """
    try:
        before = load(old)
    except DocumentError:
        return  # nothing that could be lost
    after = load(new)
    for found_in, what in ((operations_of, ""), (succeeding_of, "a successful response of ")):
        if lost := found_in(before) - found_in(after):
            names = ", ".join(sorted(map(str, lost)))
            raise PageError(
                f"the page lacks {what}{names}; use another --out, or --replace if it is really gone"
            )


def succeeding_of(document: Any) -> frozenset[Operation]:
    """Return those of a document's operations that are described to succeed in some way."""
    return frozenset(
        operation
        for operation in operations_of(document)
        for status in document["paths"][operation.path][operation.method].get("responses") or ()
        if str(status).startswith("2")
    )


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", nargs="?", metavar="PAGE", default=PUBLISHED, help="Markdown, YAML or JSON")
    parser.add_argument("--out", type=Path, default=Path("openapi.yaml"), help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file differs")
    parser.add_argument("--replace", action="store_true", help="write even if an operation is lost")
    options = parser.parse_args(argv)
    try:
        changed = sync(options.page, options.out, check=options.check, replace=options.replace)
    except (PageError, OSError) as error:
        print(f"{error}\n{options.out} was left as it was", file=sys.stderr)
        return 2
    if not changed:
        print(f"{options.out} is the page's document")
    elif options.check:
        print(f"{options.out} is not the page's document; run: {FIX} -- {options.page}")
    else:
        print(f"{options.out} written")
    return int(changed and options.check)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
