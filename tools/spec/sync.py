"""Update openapi.yaml from its documentation page: `python -m tools.spec.sync [PAGE] [--out FILE] [--check] [--replace]`.

The page is a file or an https address; by default the published one. Its document is taken character for character, if
it is valid. Exit codes: 0 done, 1 `--check` found a difference, 2 the page was refused and the file left as it was.
"""

import argparse
import sys
from pathlib import Path

from tools.spec.document import DocumentError, load, operations_of
from tools.spec.page import PageError, decode, extract, read
from tools.spec.schema import problems

PUBLISHED = "https://docs.inworld.ai/api-reference/embeddingsAPI/createembeddings/create-embeddings.md"


def sync(page: str, out: Path, *, check: bool = False, replace: bool = False) -> bool:
    """Bring a file up to date with a page, and return whether it was, or (with `check`) had to be, changed.

    Raises:
        PageError, OSError: The page cannot be had, is not valid, or (unless `replace`) lacks an operation that the file
            has. Nothing was written.
    """
    old = out.read_bytes().replace(b"\r\n", b"\n").decode(errors="replace") if out.exists() else ""
    new = extract(decode(read(page)))
    if found := problems(load(new)):
        raise PageError("its document is not valid:\n" + "\n".join(f"- {problem}" for problem in found))
    lost = sorted(_described(old) - _described(new))
    if lost and not replace:
        raise PageError(f"it lacks {', '.join(lost)}; use another --out, or --replace if it is really gone")
    if new != old and not check:
        out.write_bytes(new.encode())
    return new != old


def _described(text: str) -> set[str]:
    """The operations of a document, and those of them that may succeed; none if it is no document."""
    try:
        found = operations_of(load(text))
    except DocumentError:
        return set()
    succeed = {
        f"a successful response of {operation}"
        for operation, described in found.items()
        if any(str(status).startswith("2") for status in described.get("responses") or ())
    }
    return {*map(str, found), *succeed}


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
        print(f"{options.page}: {error}\n{options.out} was left as it was", file=sys.stderr)
        return 2
    differs = changed and options.check
    print(
        f"{options.out} is not the page's document; run: nox -s sync_spec -- {options.page}"
        if differs
        else f"{options.out} {'written' if changed else 'is what the page says'}"
    )
    return int(differs)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
