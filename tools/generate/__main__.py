"""Write generated/ and tests/fixtures/spec/ anew from the spec: `python -m tools.generate [--check] [--replace]`.

With `--check`, nothing is written, and what the hand-written layer relies on in the spec is checked, too. Exit codes: 0 all
is (now) as the spec says, 1 `--check` found a difference, 2 something could not be made, and its folder is as it was.
"""

import argparse
import sys
from pathlib import Path

from tools import program
from tools.generate import fixtures, package
from tools.generate.package import FIX, Inputs
from tools.spec.reliance import PACKAGE, breaches, endpoint_breaches

ROOT = Path(__file__).resolve().parents[2]


@program
def main(argv: list[str], root: Path = ROOT) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(prog="tools.generate", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if something differs")
    parser.add_argument("--replace", action="store_true", help="go on though the spec lacks an example")
    options = parser.parse_args(argv)
    written = {
        PACKAGE: package.write(root, check=options.check),
        fixtures.HOME: fixtures.write(root, check=options.check, replace=options.replace),
    }
    relied = [*breaches(Inputs(root).document), *endpoint_breaches(root / PACKAGE)] if options.check else []
    for folder, changes in written.items():
        print(f"{folder}: {len(changes)} files differ", *changes, sep="\n  ")
    print(*relied, sep="\n", end="\n" if relied else "")
    if options.check and any(written.values()):
        print(f"The files are not what the spec makes; run: {FIX}")
    return int(options.check and bool(relied or any(written.values())))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
