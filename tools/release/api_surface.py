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
from typing import NamedTuple, cast

import griffe

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = "inworld_embeddings"
EMULATOR = "inworld_embeddings_emulator"
SNAPSHOT = ROOT / "tests" / "project" / "api_surface.txt"
_PLUGIN = f"{PACKAGE}.testing.plugin"
_KINDS = griffe.ParameterKind


class Entry(NamedTuple):
    """What a name stands for: its kind, type or value; and the default, without which a parameter must be given."""

    text: str
    default: str | None = None


Surface = dict[str, Entry]
"""`X` is a class or a function, `X(a)` a parameter, `X(...)` those that may go by position."""


def load(*packages: Path) -> list[griffe.Module]:
    """Packages in their folders, read but not imported."""
    loader = griffe.GriffeLoader(search_paths=[path.parent for path in packages], allow_inspection=False)
    loaded = [loader.load(path.name) for path in packages]
    loader.resolve_aliases()
    return cast("list[griffe.Module]", loaded)


def public_names(module: griffe.Module) -> list[str]:
    """What it exports, or else what it defines."""
    if module.exports is not None:
        return sorted({str(name) for name in module.exports} - {"__version__"})
    members = module.members.items()
    return sorted(name for name, member in members if member.is_public and not member.is_module)


def target(member: griffe.Object | griffe.Alias) -> griffe.Object:
    """What a name stands for. A function that is loaded late from the module of its own name is that function."""
    found = member.final_target if isinstance(member, griffe.Alias) else member
    late = isinstance(found, griffe.Module) and found.name in found.members
    return target(found.members[found.name]) if late else found


def described(thing: griffe.Object, name: str) -> Iterator[tuple[str, Entry]]:
    """What is public of a thing, under the name it has here."""
    if isinstance(thing, griffe.Module):
        yield name, Entry("module")
        for inner in public_names(thing):
            yield from described(target(thing.members[inner]), f"{name}.{inner}")
    elif isinstance(thing, griffe.Class):
        yield name, Entry(f"class({', '.join(map(str, thing.bases))})")
        parameters = _constructor(thing)
        yield from _parameters(parameters, name)
        told = {one.name for one in parameters} if "dataclass" in thing.labels or _is_attrs(thing) else set()
        for inner, member in sorted(_own_members(thing).items()):
            if inner not in {"__init__", *told}:
                yield from described(member, f"{name}.{inner}")
    elif isinstance(thing, griffe.Function) and thing.overloads:
        for number, overload in enumerate(thing.overloads, 1):
            yield from described(overload, f"{name}#{number}")
    elif isinstance(thing, griffe.Function):
        yield name, Entry(f"-> {thing.returns or 'nothing'}")
        yield from _parameters(thing.parameters, name)
    elif isinstance(thing, griffe.Attribute):
        value = str(thing.value or "")
        short = value if len(value) < 80 and "\n" not in value else ""
        yield name, Entry(" = ".join(filter(None, (str(thing.annotation or ""), short))) or "value")


def _own_members(owner: griffe.Class) -> dict[str, griffe.Object]:
    """What a class offers: its own public members, and those of bases that have no lines of their own."""
    offered = {}
    for name, member in ((name, target(member)) for name, member in owner.all_members.items()):
        protocol = isinstance(member, griffe.Function) and name.startswith("__") and name.endswith("__")
        private_base = "._" in member.path.removesuffix(f".{name}")
        if (protocol or not name.startswith("_")) and (member.parent is owner or private_base):
            offered[name] = member
    return offered


def _parameters(parameters: griffe.Parameters, name: str) -> Iterator[tuple[str, Entry]]:
    stars = {_KINDS.var_positional: "*", _KINDS.var_keyword: "**"}
    given = [one for one in parameters if one.name not in ("self", "cls")]
    for one in given:
        star = stars.get(one.kind, "") if one.kind else ""
        default = "" if star else None if one.required else str(one.default)
        yield f"{name}({star}{one.name})", Entry(str(one.annotation or ""), default)
    by_position = (_KINDS.positional_only, _KINDS.positional_or_keyword)
    if in_order := [one.name for one in given if one.kind in by_position]:
        yield f"{name}(...)", Entry(", ".join(in_order))


def _constructor(owner: griffe.Class) -> griffe.Parameters:
    """Those of `__init__`, for a dataclass griffe's reading of its fields; or else those that attrs makes of them."""
    written = owner.all_members.get("__init__")
    if written is not None and isinstance(function := target(written), griffe.Function):
        return function.parameters
    classes = [cls for cls in (*reversed(owner.mro()), owner) if _is_attrs(cls)]
    fields = {name: field for cls in classes for name, field in cls.attributes.items()}
    return griffe.Parameters(*filter(None, map(_attrs_parameter, fields.values())))


def _is_attrs(owner: griffe.Class) -> bool:
    return any("define" in str(decorator.value) for decorator in owner.decorators)


def _attrs_parameter(field: griffe.Attribute) -> griffe.Parameter | None:
    """What a field is to the constructor, for which each is a keyword."""
    value, options = field.value, dict[str, str]()
    if isinstance(value, griffe.ExprCall) and str(value.function).endswith("field"):
        given = [one for one in value.arguments if isinstance(one, griffe.ExprKeyword)]
        options = {one.name: str(one.value) for one in given}
        value = options.get("default") or options.get("factory")
    if field.annotation is None or "property" in field.labels or options.get("init") == "False":
        return None
    name = options.get("alias", field.name).strip("\"'")
    return griffe.Parameter(name, annotation=field.annotation, kind=_KINDS.keyword_only, default=value)


def public_modules(module: griffe.Module, depth: int = 0) -> Iterator[griffe.Module]:
    """The module and those below it that people may import from."""
    yield module
    for name, inner in sorted(module.modules.items()):
        if name.startswith("_") or name == "cli":
            continue
        if inner.is_init_module or depth == 0 or inner.exports is not None or inner.path == _PLUGIN:
            yield from public_modules(inner, depth + 1)


def lines(root: Path = ROOT) -> list[str]:
    """Every public name of the emulator and the wrapper below a folder, once, as the snapshot has it."""
    found: Surface = {}
    seen: set[str] = set()
    for package in load(root / "emulator" / EMULATOR, root / "wrapper" / PACKAGE):
        for module in public_modules(package, depth=int(package.name == EMULATOR)):
            for name in public_names(module):
                member = target(module.members[name])
                if member.path not in seen:
                    seen.add(member.path)
                    found |= described(member, f"{module.path}.{name}")
    return [f"{name}: {text}{f' = {default}' if default else ''}" for name, (text, default) in found.items()]


def differences(old: list[str], new: list[str]) -> list[str]:
    """The lines that went (-) and came (+)."""
    found = difflib.unified_diff(old, new, lineterm="", n=0)
    return [line for line in found if not line.startswith(("---", "+++", "@@"))]


def main(arguments: list[str]) -> int:
    """Runs the program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--accept", action="store_true", help="write the snapshot")
    new = lines()
    if parser.parse_args(arguments).accept:
        SNAPSHOT.write_text("".join(f"{line}\n" for line in new), "utf-8")
        return 0
    changed = differences(SNAPSHOT.read_text("utf-8").splitlines() if SNAPSHOT.exists() else [], new)
    if changed:
        print("\n".join(changed))
        print("The public surface changed. If meant, say so in CHANGELOG.md and run: nox -s api -- --accept")
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
