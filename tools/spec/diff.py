"""Say what changed between two specs: `python -m tools.spec.diff [OLD [NEW]] [--fail-on CLASS]`.

OLD and NEW are files (YAML, JSON or a documentation page) or git revisions whose openapi.yaml is meant; by default HEAD
and the working tree's. Changes are told on the wire and in the generated package, each breaking, additive or cosmetic.
Exit codes: 0 below the class of `--fail-on` (additive by default), else 3 cosmetic, 4 additive, 5 breaking; 2 the two
could not be compared.
"""

import argparse
import sys
from pathlib import Path

from inworld_embeddings import __version__
from tools import ToolError, git, program
from tools.spec.changes import Change, Impact, markdown, worst
from tools.spec.document import load, valid
from tools.spec.python_surface import surface_changes, surface_of, surface_of_package
from tools.spec.sync import decode, extract
from tools.spec.wire import wire_changes

ROOT = Path(__file__).resolve().parents[2]


def spec_text(name: str, root: Path) -> str:
    """Return the spec of a file, a page or a git revision; a ToolError is raised if it is none of them."""
    path = Path(name)
    if path.is_file():
        return extract(decode(path.read_bytes()))
    try:
        return git(root, "show", "--end-of-options", f"{name}:openapi.yaml").replace("\r\n", "\n")
    except (ToolError, OSError) as error:
        raise ToolError(f"{name} is no file, and no git revision that has an openapi.yaml: {error}") from None


def compare(old: str, new: str, root: Path, package: Path | None = None) -> list[Change]:
    """Return what changed between two specs, on the wire and in the generated package, the worst first.

    `package` is what the old spec was generated to by the tools of its time; by default, today's generate it.
    """
    if load(old) == load(new) and package is None:
        return []
    wire = wire_changes(valid(old), valid(new))
    before = surface_of_package(package) if package else surface_of(old, root)
    try:
        return wire + surface_changes(before, surface_of(new, root))
    except ToolError as error:
        said = " ".join(str(error).split())
        return [*wire, Change(Impact.BREAKING, "Python", "generated/", f"no code can be generated: {said}")]


@program
def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("old", nargs="?", default="HEAD", help="default: %(default)s")
    parser.add_argument("new", nargs="?", default=str(ROOT / "openapi.yaml"), help="default: openapi.yaml")
    classes = [str(impact) for impact in Impact if impact]
    parser.add_argument("--fail-on", choices=classes, default="additive", help="default: %(default)s")
    options = parser.parse_args(argv)
    changes = compare(spec_text(options.old, ROOT), spec_text(options.new, ROOT), ROOT)
    print(markdown(changes, __version__), end="")
    impact = worst(changes)
    return int(impact) if impact >= Impact[options.fail_on.upper()] else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
