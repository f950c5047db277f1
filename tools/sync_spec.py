"""Update openapi.yaml from its documentation page, or pages: `sync_spec.py PAGE... [--out FILE] [--check] [--replace]`.

A page is a file or an https address; by default the published one. One page's YAML is taken character for character; JSON, or several pages merged,
are written as YAML. Exit codes: 0 done, 1 `--check` found a difference, 2 a page was refused and the file left as it was.
"""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from _document import MAX_BYTES, DocumentError, ambiguities, dump, load
from _fetch import fetch, is_url
from _files import normalised, replace_file
from _merge import MergeError, Source, merge
from _page import PageError, answered_of, decode, document_in, extract, operations_of
from _spec_checks import problems

FIX = "nox -s sync_spec"

PUBLISHED = ("https://docs.inworld.ai/api-reference/embeddingsAPI/createembeddings/create-embeddings.md",)
"""The pages of the operations that the wrapper needs: one."""


def read(page: str) -> Source:
    """Return the document of a page, checked.

    Raises:
        PageError: The page, or its document, is not usable.
        OSError: The file cannot be read.
    """
    block = extract(decode(fetch(page) if is_url(page) else read_file(Path(page))))
    document = load(block.text)
    if found := problems(document):
        raise PageError("its document is not valid:\n" + "\n".join(f"- {problem}" for problem in found))
    return Source(page, block.text, block.line, document)


def read_file(path: Path) -> bytes:
    """Return a file's content, or enough of it to see that it is too big."""
    with path.open("rb") as file:
        return file.read(MAX_BYTES + 1)


def text_of(sources: list[Source]) -> str:
    """Return what belongs into openapi.yaml.

    Raises:
        MergeError: The pages contradict each other.
        PageError: What they make together is not valid.
    """
    if len(sources) == 1:
        source = sources[0]
        return dump(source.document) if source.text.lstrip().startswith("{") else source.text
    merged = merge(sources)
    if found := problems(merged):
        raise PageError(
            "what the pages make together is not valid:\n" + "\n".join(f"- {problem}" for problem in found)
        )
    return dump(merged)


def refuse_loss(old: str, new: str) -> None:
    """Refuse pages that lack an operation the file has: most likely one is the page of something else.

    Raises:
        PageError: Naming what would be lost.
    """
    before, after = document_in(old), document_in(new)
    for read, what in ((operations_of, ""), (answered_of, "a successful answer of ")):
        if lost := read(before) - read(after):
            names = ", ".join(sorted(map(str, lost)))
            raise PageError(
                f"the page lacks {what}{names}; name every page, use another --out, or --replace if it is really gone"
            )


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("pages", nargs="*", metavar="PAGE", default=PUBLISHED, help="Markdown, YAML or JSON")
    parser.add_argument("--out", type=Path, default=Path("openapi.yaml"), help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file differs")
    parser.add_argument("--replace", action="store_true", help="write even if an operation is lost")
    return parser.parse_args(argv)


def sync(pages: Sequence[str], out: Path, *, check: bool = False, replace: bool = False) -> bool:
    """Bring a file up to date, and return whether it was, or had to be, changed.

    Raises:
        PageError, MergeError, DocumentError, OSError: Nothing was written.
    """
    new = text_of([_named(page) for page in pages])
    old = normalised(out.read_bytes()).decode(errors="replace") if out.exists() else ""
    for note in ambiguities(new):
        print(f"note: {note}")
    if not replace:
        refuse_loss(old, new)
    if new == old:
        return False
    if not check:
        replace_file(out, new.encode())
    return True


def _named(page: str) -> Source:
    """As `read`; an error names the page."""
    try:
        return read(page)
    except (PageError, DocumentError) as error:
        raise PageError(f"{page}: {error}") from None


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    options = parse_arguments(argv)
    try:
        changed = sync(options.pages, options.out, check=options.check, replace=options.replace)
    except (PageError, MergeError, DocumentError, OSError) as error:
        print(f"{error}\n{options.out} was left as it was", file=sys.stderr)
        return 2
    if not changed:
        print(f"{options.out} is the page's document")
    elif options.check:
        print(f"{options.out} is not the page's document; run: {FIX} -- {' '.join(options.pages)}")
        return 1
    else:
        print(f"{options.out} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
