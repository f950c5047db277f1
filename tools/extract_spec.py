"""Write the OpenAPI document of a documentation page to a file: `extract_spec.py PAGE [--out FILE] [--check]`.

The text is the page's own, character for character; nothing is edited. Exit codes: 0 done, 1 `--check` found a
difference, 2 the page was refused and the file left as it was.
"""

import argparse
import sys
from pathlib import Path

from _files import normalised, replace_file
from _page import PageError, extract, operations_in


def refuse_loss(old: str, new: str) -> None:
    """Refuse a page that lacks an operation the file has: most likely it is the page of something else.

    Raises:
        PageError: Naming what would be lost.
    """
    lost = operations_in(old) - operations_in(new)
    if lost:
        names = ", ".join(sorted(map(str, lost)))
        raise PageError(f"the page lacks {names}; use another --out, or --replace if it is really gone")


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("page", type=Path, help="a documentation page, saved as Markdown")
    parser.add_argument("--out", type=Path, default=Path("openapi.yaml"), help="default: %(default)s")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the file differs")
    parser.add_argument("--replace", action="store_true", help="write even if an operation is lost")
    return parser.parse_args(argv)


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    options = parse_arguments(argv)
    try:
        new = extract(normalised(options.page.read_bytes()).decode())
        old = normalised(options.out.read_bytes()).decode() if options.out.exists() else ""
        if new == old:
            print(f"{options.out} is the page's document")
            return 0
        if options.check:
            print(
                f"{options.out} is not the page's document; run: tools/extract_spec.py {options.page} --out {options.out}"
            )
            return 1
        if not options.replace:
            refuse_loss(old, new)
        replace_file(options.out, new.encode())
    except (PageError, OSError, UnicodeDecodeError) as error:
        print(f"{options.page}: {error}", file=sys.stderr)
        return 2
    print(f"{options.out} written")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
