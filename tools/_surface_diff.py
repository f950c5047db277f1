"""What changed for those who import the generated package: names, constructors, members. Pure."""

from collections.abc import Iterator
from typing import Any

from _changes import Change, Impact

Surface = dict[str, dict[str, Any]]
Found = tuple[Impact, str, str]


def surface_changes(old: Surface, new: Surface) -> list[Change]:
    """Return what changed between two surfaces, the worst first."""
    found = list(_names(old, new))
    for name in sorted(old.keys() & new.keys()):
        found += _contents(name, old[name], new[name])
    changes = [Change(impact, "Python", place, text) for impact, place, text in _grouped(found)]
    return sorted(changes, key=lambda change: (-change.impact, change.place, change.text))


def _grouped(found: list[Found]) -> Iterator[Found]:
    """The same change in several functions of an endpoint's module, as one."""
    groups: dict[tuple[Impact, str, str, str], list[str]] = {}
    for impact, place, text in found:
        module, dot, rest = place.partition(".")
        function, bracket, parameter = rest.partition("(")
        is_endpoint = bool(dot) and function in _ENDPOINT
        key = (impact, module if is_endpoint else place, bracket + parameter if is_endpoint else "", text)
        groups.setdefault(key, []).append(function)
    for (impact, name, parameter, text), functions in groups.items():
        yield impact, f"{name}.{'/'.join(functions)}{parameter}" if functions[0] in _ENDPOINT else name, text


_ENDPOINT = ("asyncio", "asyncio_detailed", "asyncio_raw", "sync", "sync_detailed", "sync_raw")


def _names(old: Surface, new: Surface) -> Iterator[Found]:
    gone, come = (_topmost(one.keys() - other.keys()) for one, other in ((old, new), (new, old)))
    for name in gone:
        same = [other for other in come if _alike(name, old, other, new)]
        hint = f"; `{same[0]}` has the same contents, so it was most likely renamed" if same else ""
        yield Impact.BREAKING, name, f"is gone{hint}"
    for name in come:
        yield Impact.ADDITIVE, name, f"is a new {new[name]['kind']}"


def _topmost(names: set[str]) -> list[str]:
    """The names in order, without those that only went or came with their module."""
    return sorted(name for name in names if name.rpartition(".")[0] not in names)


def _alike(name: str, old: Surface, other: str, new: Surface) -> bool:
    """Whether two things differ in nothing but, perhaps, their own names in the types."""
    return name.count(".") == other.count(".") and _shape(name, old) == _shape(other, new)


def _shape(name: str, surface: Surface) -> Any:
    thing = surface[name]
    inside = sorted(key.removeprefix(name) for key in surface if key.startswith(f"{name}."))
    parameters = [parameter["name"] for parameter in thing.get("constructor", {}).get("parameters", ())]
    return thing["kind"], thing.get("members"), inside, parameters, sorted(thing.get("methods", ()))


def _contents(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Found]:
    if old["kind"] != new["kind"]:
        yield Impact.BREAKING, name, f"was a {old['kind']} and is a {new['kind']}"
        return
    yield from _members(name, old.get("members", {}), new.get("members", {}))
    if "constructor" in old:
        yield from _signatures(name, old["constructor"], new["constructor"])
    methods = old.get("methods", {}), new.get("methods", {})
    for method in sorted(methods[0].keys() | methods[1].keys()):
        if method not in methods[1]:
            yield Impact.BREAKING, f"{name}.{method}", "is gone"
        elif method not in methods[0]:
            yield Impact.ADDITIVE, f"{name}.{method}", "is a new method"
        else:
            yield from _signatures(f"{name}.{method}", methods[0][method], methods[1][method])


def _members(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Found]:
    for member in [*old, *(member for member in new if member not in old)]:
        if member not in new:
            yield Impact.BREAKING, f"{name}.{member}", "is gone"
        elif member not in old:
            yield Impact.ADDITIVE, f"{name}.{member}", "is a new member"
        elif old[member] != new[member]:
            yield Impact.BREAKING, f"{name}.{member}", f"was {old[member]!r} and is {new[member]!r}"
    if old.keys() == new.keys() and list(old) != list(new):
        yield Impact.COSMETIC, name, "has its members in another order"


def _signatures(name: str, old: dict[str, Any], new: dict[str, Any]) -> Iterator[Found]:
    before, after = ({p["name"]: p for p in signature["parameters"]} for signature in (old, new))
    for parameter in [*before, *(parameter for parameter in after if parameter not in before)]:
        yield from _parameter(f"{name}({parameter})", before.get(parameter), after.get(parameter))
    order = [[n for n, p in side.items() if p["positional"]] for side in (before, after)]
    kept = [parameter for parameter in order[0] if parameter in after]
    if order[1][: len(kept)] != kept:
        yield Impact.BREAKING, name, f"takes its arguments in another order: {', '.join(order[1])}"
    if old["returns"] != new["returns"]:
        yield (
            Impact.BREAKING,
            name,
            f"returned {old['returns'] or 'nothing'}, returns {new['returns'] or 'nothing'}",
        )


def _parameter(place: str, old: dict[str, Any] | None, new: dict[str, Any] | None) -> Iterator[Found]:
    if new is None:
        yield Impact.BREAKING, place, "is gone"
    elif old is None:
        impact = Impact.BREAKING if new["required"] else Impact.ADDITIVE
        yield impact, place, f"is new and {'required' if new['required'] else 'optional'}: {new['type']}"
    else:
        if new["required"] and not old["required"]:
            yield Impact.BREAKING, place, "is now required"
        if old["type"] != new["type"]:
            wider = _parts(old["type"]) < _parts(new["type"])
            impact = Impact.ADDITIVE if wider else Impact.BREAKING
            yield impact, place, f"was {old['type']} and is {new['type']}"
        elif old["required"] and not new["required"]:
            yield Impact.ADDITIVE, place, "may now be left out"


def _parts(annotation: str) -> set[str]:
    return {part.strip() for part in annotation.split("|")}
