"""Write generated/ from openapi.yaml, generator-config.yaml and templates/: `generate.py [--check] [--root FOLDER]`.

All or nothing: whatever fails or is interrupted, generated/ stays as it was. Exit codes: 0 it is (now) what the inputs
say, 1 `--check` found a difference, 2 it could not be generated.
"""

import argparse
import signal
import sys
import tempfile
from pathlib import Path

from _files import differences, read_tree, recover_folder, replace_folder
from _generator import generate_into
from _inputs import FIX, GenerateError, Inputs
from _pins import accept_stock, require_pinned_tools, require_recorded_stock


def parse_arguments(argv: list[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--root", type=Path, default=Path(__file__).resolve().parent.parent, help="the project's folder"
    )
    choice = parser.add_mutually_exclusive_group()
    choice.add_argument("--check", action="store_true", help="change nothing; exit 1 if generated/ differs")
    choice.add_argument(
        "--accept-stock", action="store_true", help="record the installed templates as those ours came from"
    )
    return parser.parse_args(argv)


def report(changes: list[str], *, check: bool) -> int:
    """Print what differs, and return the exit code."""
    if not changes:
        print("generated/ is up to date")
        return 0
    print("\n".join(changes))
    print(
        f"generated/ is not what openapi.yaml and templates/ make; run: {FIX}"
        if check
        else "generated/ written"
    )
    return 1 if check else 0


def write(root: Path, *, check: bool = False) -> list[str]:
    """Generate the package aside, compare it, put it in place unless only checking, and return what differed.

    Raises:
        GenerateError, OSError: It could not be generated, and generated/ is as it was.
    """
    inputs, swap = Inputs(root), root / ".generate-swap"
    tools = require_pinned_tools(root)
    require_recorded_stock(inputs)
    if not check:
        recover_folder(inputs.target, swap)
    with tempfile.TemporaryDirectory() as scratch:
        package = generate_into(Path(scratch), inputs, tools)
        changes = differences(read_tree(inputs.target), read_tree(package))
        if changes and not check:
            replace_folder(package, inputs.target, swap)
    return changes


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    options = parse_arguments(argv)
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that clean-up runs
    root = options.root.resolve()
    try:
        if options.accept_stock:
            accept_stock(Inputs(root))
            return 0
        return report(write(root, check=options.check), check=options.check)
    except (GenerateError, OSError) as error:
        print(f"{error}\ngenerated/ was left as it was", file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
