"""What changed for those who import the generated package: names, parameters, values.

Both packages are read from their source, by the reader of the wrapper's snapshot, as a flat table: `EmbedRequest` is a
class, `EmbedRequest(inputs)` a parameter, `ServiceProvider.SERVICE_PROVIDER_OPENAI` a value.
"""

import functools
import tempfile
from collections.abc import Iterator
from pathlib import Path

import griffe

from tools.generate.package import Inputs, made
from tools.release.api_surface import Entry, Surface, described, load, public_names, target
from tools.spec.changes import Change, Impact

_breaking = functools.partial(Change, Impact.BREAKING, "Python")
_additive = functools.partial(Change, Impact.ADDITIVE, "Python")


def surface_of(spec: str, root: Path) -> Surface:
    """Return the public surface of the package that a spec makes, with a project's configuration and templates.

    A class that lost its entry in `class_overrides` keeps the generator's own name here, so that a renamed schema can
    be told; `nox -s generate` refuses it.
    """
    with tempfile.TemporaryDirectory() as scratch:
        path = Path(scratch) / "openapi.yaml"
        path.write_text(spec, "utf-8")
        return surface_of_package(made(Inputs(root, path), Path(scratch), {}))


def surface_of_package(package: Path) -> Surface:
    """Return the public surface of a generated package in a folder."""
    (module,) = load(package)
    found: Surface = {}
    for name in public_names(module):
        found |= described(target(module.members[name]), name)
    return found | {path: Entry("module") for path in _modules(module.modules["api"], "api")}


def _modules(module: griffe.Module, path: str) -> Iterator[str]:
    for name, inner in module.modules.items():
        yield f"{path}.{name}"
        yield from _modules(inner, f"{path}.{name}")


def surface_changes(old: Surface, new: Surface) -> list[Change]:
    """Return what changed between two surfaces, the worst first. What went or came with its owner is not told apart."""
    both = [change for name in old.keys() & new.keys() for change in _changed(name, old[name], new[name])]
    changes = [*_gone(old, new), *_come(old, new), *both]
    return sorted(changes, key=lambda change: (-change.impact, change.place, change.text))


def _gone(old: Surface, new: Surface) -> Iterator[Change]:
    come = _topmost(new, old)
    for name in _topmost(old, new):
        beside = [other for other in come if _owner(other) == _owner(name)]
        same = [other for other in beside if _inside(name, old) == _inside(other, new)]
        hint = f"; `{same[0]}` has the same contents, so it was most likely renamed" if same else ""
        yield _breaking(name, f"is gone{hint}")


def _come(old: Surface, new: Surface) -> Iterator[Change]:
    for name in _topmost(new, old):
        text, default = new[name]
        if not name.endswith(")"):
            yield _additive(name, f"is new: {text}")
        elif default is None:
            yield _breaking(name, f"is new and required: {text}")
        else:
            yield _additive(name, f"is new and optional: {text}")


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
        key: entry if key.endswith("(...)") else Entry("", entry.default) for key, entry in inside.items()
    }
    return {"": surface[name], **kept}


def _changed(name: str, old: Entry, new: Entry) -> Iterator[Change]:
    if name.endswith("(...)"):
        before, after = old.text.split(", "), new.text.split(", ")
        kept = [one for one in before if one in after]
        if after[: len(kept)] != kept:
            yield _breaking(name, f"takes its arguments in another order: {new.text}")
        return
    parameter = name.endswith(")")
    if old.text != new.text:
        rated = (
            _additive if parameter and set(old.text.split(" | ")) < set(new.text.split(" | ")) else _breaking
        )
        yield rated(name, f"was {old.text} and is {new.text}")
    if parameter and old.default is not None and new.default is None:
        yield _breaking(name, "is now required")
    elif parameter and old.default is None and new.default is not None:
        yield _additive(name, "may now be left out")
