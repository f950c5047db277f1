"""What changed for those who import the generated package: names, parameters, values.

Both packages are read from their source, by the reader of the wrapper's snapshot, as a flat table: `EmbedRequest` is a
class, `EmbedRequest(inputs)` a parameter, `ServiceProvider.SERVICE_PROVIDER_OPENAI` a value, `embed.sync ->` a result.
"""

import ast
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import griffe

from tools.generate.inputs import Inputs
from tools.generate.package import check_members, finish, run_generator
from tools.release.api_surface import load, public_names, target
from tools.spec.changes import Change, Impact


class Entry(NamedTuple):
    """One line of the table: what it is (or its type, or its value), and whether a caller must give it."""

    text: str
    required: bool = False


Surface = dict[str, Entry]


def surface_of(spec: str, root: Path) -> Surface:
    """Return the public surface of the package that a spec makes, with a project's configuration and templates.

    A class that lost its entry in `class_overrides` keeps the generator's own name here, so that a renamed schema can
    be told; `nox -s generate` refuses it.

    Raises:
        GenerateError: It cannot be generated.
    """
    with tempfile.TemporaryDirectory() as scratch:
        project = Path(scratch) / "project"
        project.mkdir()
        (project / "openapi.yaml").write_text(spec, "utf-8")
        shutil.copyfile(root / "generator-config.yaml", project / "generator-config.yaml")
        shutil.copytree(root / "templates", project / "templates")
        package = run_generator(Inputs(project), Path(scratch))
        finish(package, Inputs(project), {})
        check_members(package)
        return surface_of_package(package)


def surface_of_package(package: Path) -> Surface:
    """Return the public surface of a generated package in a folder."""
    (module,) = load(package)
    found: Surface = {}
    for name in public_names(module):
        found |= _described(target(module.members[name]), name)
    return found | {path: Entry("module") for path in _modules(module.modules["api"], "api")}


def _modules(module: griffe.Module, path: str) -> Iterator[str]:
    for name, inner in module.modules.items():
        yield f"{path}.{name}"
        yield from _modules(inner, f"{path}.{name}")


def _described(thing: griffe.Object, name: str) -> Iterator[tuple[str, Entry]]:
    if isinstance(thing, griffe.Function):
        yield name, Entry("function")
        yield from _parameters(thing.parameters, name)
        yield f"{name} ->", Entry(str(thing.returns or "nothing"))
    elif isinstance(thing, griffe.Module):
        yield name, Entry("module")
        for inner in public_names(thing):
            yield from _described(target(thing.members[inner]), f"{name}.{inner}")
    elif isinstance(thing, griffe.Class) and any(str(base).endswith("Enum") for base in thing.bases):
        yield name, Entry("enum")
        yield from ((f"{name}.{n}", Entry(str(value.value))) for n, value in thing.attributes.items())
    elif isinstance(thing, griffe.Class):
        yield name, Entry("class")
        yield from _parameters(_constructor(thing), name)
        members = {n: target(member) for n, member in thing.all_members.items() if not n.startswith("_")}
        for inner, member in members.items():
            if isinstance(member, griffe.Function):
                yield from _described(member, f"{name}.{inner}")
    else:
        yield name, Entry(thing.kind.value)


def _parameters(parameters: griffe.Parameters, name: str) -> Iterator[tuple[str, Entry]]:
    variadic = {griffe.ParameterKind.var_positional, griffe.ParameterKind.var_keyword}
    given = [one for one in parameters if one.name not in ("self", "cls")]
    for one in given:
        yield (
            f"{name}({one.name})",
            Entry(str(one.annotation or ""), one.required and one.kind not in variadic),
        )
    in_order = [one.name for one in given if one.kind is griffe.ParameterKind.positional_or_keyword]
    yield f"{name}(...)", Entry(", ".join(in_order))


def _constructor(owner: griffe.Class) -> griffe.Parameters:
    """Those of `__init__`, or else those that attrs makes of the fields."""
    written = owner.all_members.get("__init__")
    if written is not None and isinstance(function := target(written), griffe.Function):
        return function.parameters
    fields = {
        name: field for cls in (*reversed(owner.mro()), owner) for name, field in cls.attributes.items()
    }
    return griffe.Parameters(*(made for field in fields.values() if (made := _attrs_parameter(field))))


def _attrs_parameter(field: griffe.Attribute) -> griffe.Parameter | None:
    value, options = field.value, dict[str, str]()
    if field.annotation is None or "property" in field.labels:
        return None
    if isinstance(value, griffe.ExprCall) and str(value.function).endswith("field"):
        given = [one for one in value.arguments if isinstance(one, griffe.ExprKeyword)]
        options = {one.name: str(one.value) for one in given}
        value = options.get("default") or options.get("factory")
    if options.get("init") == "False":
        return None
    kinds = griffe.ParameterKind
    return griffe.Parameter(
        ast.literal_eval(options["alias"]) if "alias" in options else field.name.lstrip("_"),
        annotation=field.annotation,
        kind=kinds.keyword_only if options.get("kw_only") == "True" else kinds.positional_or_keyword,
        default=value,
    )


def surface_changes(old: Surface, new: Surface) -> list[Change]:
    """Return what changed between two surfaces, the worst first. What went or came with its owner is not told apart."""
    found = [*_gone(old, new), *_come(old, new)]
    for name in old.keys() & new.keys():
        found += _changed(name, old[name], new[name])
    changes = [Change(impact, "Python", place, text) for (impact, place, text) in found]
    return sorted(changes, key=lambda change: (-change.impact, change.place, change.text))


Told = tuple[Impact, str, str]


def _gone(old: Surface, new: Surface) -> Iterator[Told]:
    come = _topmost(new, old)
    for name in _topmost(old, new):
        same = [other for other in come if _inside(name, old) == _inside(other, new)]
        hint = f"; `{same[0]}` has the same contents, so it was most likely renamed" if same else ""
        yield Impact.BREAKING, name, f"is gone{hint}"


def _come(old: Surface, new: Surface) -> Iterator[Told]:
    for name in _topmost(new, old):
        entry = new[name]
        if name.endswith(")"):
            text = f"is new and {'required' if entry.required else 'optional'}: {entry.text}"
            yield (Impact.BREAKING if entry.required else Impact.ADDITIVE), name, text
        else:
            yield Impact.ADDITIVE, name, f"is new: {entry.text}"


def _topmost(here: Surface, there: Surface) -> list[str]:
    """The names that are only here, without those whose owner is only here too."""
    names = sorted(name for name in here if name not in there and not name.endswith(("(...)", " ->")))
    return [name for name in names if (owner := _owner(name)) not in here or owner in there]


def _owner(name: str) -> str:
    return name[: name.index("(")] if "(" in name else name.rpartition(".")[0]


def _inside(name: str, surface: Surface) -> dict[str, Entry]:
    """What a class, enum or module is and holds, but for types, which may hold its own name."""
    inside = {
        key[len(name) :]: entry for key, entry in surface.items() if key.startswith((name + "(", name + "."))
    }
    kept = {
        key: entry if key.endswith("(...)") else Entry("", entry.required) for key, entry in inside.items()
    }
    return {"": surface[name], **kept}


def _changed(name: str, old: Entry, new: Entry) -> Iterator[Told]:
    if name.endswith("(...)"):
        before, after = old.text.split(", "), new.text.split(", ")
        kept = [one for one in before if one in after]
        if after[: len(kept)] != kept:
            yield Impact.BREAKING, name, f"takes its arguments in another order: {new.text}"
        return
    if old.text != new.text:
        wider = name.endswith(")") and _parts(old.text) < _parts(new.text)
        impact = Impact.ADDITIVE if wider else Impact.BREAKING
        yield impact, name, f"was {old.text} and is {new.text}"
    if old.required != new.required:
        yield (
            (Impact.BREAKING, name, "is now required")
            if new.required
            else (Impact.ADDITIVE, name, "may now be left out")
        )


def _parts(annotation: str) -> set[str]:
    return {part.strip() for part in annotation.split("|")}
