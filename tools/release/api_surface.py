"""The public surface of the wrapper and the emulator, a line a name, against its snapshot: `... [--accept]`.

Read from the source by griffe, without importing anything. Public are the names in ``__all__``, and where a module has
none, what it defines without an underscore; of subpackages, and in the emulator, only the packages themselves and modules
with ``__all__``; and the pytest plugin.

Exit codes: 0 as the snapshot says (or accepted), 1 it differs: a line that went or changed (-) may break someone, a
line that came (+) is an addition.
"""

import argparse
import difflib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import griffe

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "inworld_embeddings"
EMULATOR = "inworld_embeddings_emulator"
SNAPSHOT = ROOT / "tests" / "project" / "api_surface.txt"
WIDTH = 130
FIX = "nox -s api -- --accept"

_PROGRAMS = {"cli"}
_RELEASES = "__version__"  # changes with every release
_PLUGINS = {f"{PACKAGE}.testing.plugin"}


def load(*packages: Path) -> list[griffe.Module]:
    """Packages in their folders, read but not imported."""
    loader = griffe.GriffeLoader(search_paths=[path.parent for path in packages], allow_inspection=False)
    loaded = [loader.load(path.name) for path in packages]
    loader.resolve_aliases()
    return cast("list[griffe.Module]", loaded)


def ours(root: Path = ROOT) -> list[griffe.Module]:
    """The emulator and the wrapper below a folder."""
    return load(root / "emulator" / EMULATOR, root / "wrapper" / PACKAGE)


def public_modules(module: griffe.Module, depth: int = 0) -> Iterator[griffe.Module]:
    """The module and those below it that people may import from."""
    yield module
    for name, inner in sorted(module.modules.items()):
        if name.startswith("_") or name in _PROGRAMS:
            continue
        if inner.is_init_module or depth == 0 or inner.exports is not None or inner.path in _PLUGINS:
            yield from public_modules(inner, depth + 1)


def public_names(module: griffe.Module) -> list[str]:
    """What it exports, or else what it defines."""
    if module.exports is not None:
        return sorted({str(name) for name in module.exports} - {_RELEASES})
    return sorted(
        name
        for name, member in module.members.items()
        if not (name.startswith("_") or member.is_alias or member.is_module)
    )


def surface(packages: list[griffe.Module]) -> list[str]:
    """Every public name, once, with its signature."""
    lines: list[str] = []
    seen: set[str] = set()
    for package in packages:
        for module in public_modules(package, depth=int(package.name == EMULATOR)):
            for name in public_names(module):
                member = target(module.members[name])
                if member.path not in seen:
                    seen.add(member.path)
                    lines += described(member, f"{module.path}.{name}")
    return lines


def target(member: griffe.Object | griffe.Alias) -> griffe.Object:
    """What a name stands for. A function that is loaded late from the module of its own name is that function."""
    found = member.final_target if isinstance(member, griffe.Alias) else member
    late = isinstance(found, griffe.Module) and found.name in found.members
    return target(found.members[found.name]) if late else found


def described(member: griffe.Object, path: str) -> Iterator[str]:
    """The lines of one name."""
    if isinstance(member, griffe.Class):
        yield f"class {path}({', '.join(str(base) for base in member.bases)})"
        for name, inner in sorted(own_members(member).items()):
            yield from described(inner, f"{path}.{name}")
    elif isinstance(member, griffe.Function) and member.overloads:
        for overload in member.overloads:
            yield from described(overload, path)
    elif isinstance(member, griffe.Function):
        yield from signature(member, path)
    elif isinstance(member, griffe.Attribute):
        kind = f": {member.annotation}" if member.annotation else ""
        value = str(member.value or "")
        yield path + kind + (f" = {value}" if value and len(value) < 80 and "\n" not in value else "")


def own_members(owner: griffe.Class) -> dict[str, griffe.Object]:
    """What a class offers: its own members, and those of bases that have no lines of their own."""
    found = {name: target(member) for name, member in owner.all_members.items() if not member.is_module}
    return {name: member for name, member in found.items() if offered(name, member, owner)}


def offered(name: str, member: griffe.Object, owner: griffe.Class) -> bool:
    """Whether a member is public, and not told elsewhere."""
    protocol = isinstance(member, griffe.Function) and name.startswith("__") and name.endswith("__")
    private_base = "._" in member.path.removesuffix(f".{name}")
    return (protocol or not name.startswith("_")) and (member.parent is owner or private_base)


def signature(function: griffe.Function, path: str) -> list[str]:
    """On one line, or with a line for each parameter, so that a difference shows which one changed."""
    shown, returns = parameters(function), f" -> {function.returns}" if function.returns else ""
    whole = f"{path}({', '.join(shown)}){returns}"
    return [whole] if len(whole) <= WIDTH else [f"{path}(...){returns}", *(f"{path}({one})" for one in shown)]


def parameters(function: griffe.Function) -> list[str]:
    """As written, without ``self``."""
    shown: list[str] = []
    star = False
    for one in function.parameters:
        if one.name in ("self", "cls") and not shown:
            continue
        if one.kind is griffe.ParameterKind.keyword_only and not star:
            shown.append("*")
        star = star or one.kind in (griffe.ParameterKind.keyword_only, griffe.ParameterKind.var_positional)
        shown.append(parameter(one))
        if one.kind is griffe.ParameterKind.positional_only:
            shown.append("/")
    return shown


def parameter(one: griffe.Parameter) -> str:
    """``name: type = default``."""
    stars = {griffe.ParameterKind.var_positional: "*", griffe.ParameterKind.var_keyword: "**"}
    kind = f": {one.annotation}" if one.annotation else ""
    default = f" = {one.default}" if one.default is not None and one.kind not in stars else ""
    return f"{stars.get(one.kind, '') if one.kind else ''}{one.name}{kind}{default}"


def differences(old: str, new: str) -> list[str]:
    """The lines that went (-) and came (+)."""
    lines = difflib.unified_diff(old.splitlines(), new.splitlines(), lineterm="", n=0)
    return [line for line in lines if not line.startswith(("---", "+++", "@@"))]


def main(arguments: list[str]) -> int:
    """Runs the program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accept", action="store_true", help="write the snapshot")
    given = parser.parse_args(arguments)
    new = "".join(f"{line}\n" for line in surface(ours()))
    if given.accept:
        SNAPSHOT.write_text(new, "utf-8")
        return 0
    changed = differences(SNAPSHOT.read_text("utf-8") if SNAPSHOT.exists() else "", new)
    if changed:
        print("\n".join(changed))
        print(
            f"The public surface changed. If that is meant, say so in CHANGELOG.md and run: {FIX}",
            file=sys.stderr,
        )
    return 1 if changed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
