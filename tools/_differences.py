"""Where two documents differ in meaning: a reference and what it refers to are the same. Pure."""

from collections.abc import Iterator
from typing import Any

from _document import escape
from _spec_checks import resolve

_Pair = tuple[str, str]


def differences(old: dict[str, Any], new: dict[str, Any]) -> Iterator[str]:
    """Yield the JSON pointers below which two documents differ; lists of anything but objects are taken whole."""
    yield from _below(old, new, "#", (old, new), frozenset())


def _below(
    old: Any, new: Any, pointer: str, documents: tuple[Any, Any], seen: frozenset[_Pair]
) -> Iterator[str]:
    if old == new and type(old) is type(new):
        return
    targets = tuple(value.get("$ref") if isinstance(value, dict) else None for value in (old, new))
    if any(isinstance(target, str) for target in targets) and targets[0] != targets[1]:
        pair = (str(targets[0]), str(targets[1]))
        if pair not in seen:
            one, other = _resolved(old, documents[0]), _resolved(new, documents[1])
            yield from _below(one, other, pointer, documents, seen | {pair})
    elif isinstance(old, dict) and isinstance(new, dict):
        for key in [*old, *(key for key in new if key not in old)]:
            below = f"{pointer}/{escape(key)}"
            if key in old and key in new:
                yield from _below(old[key], new[key], below, documents, seen)
            elif pointer != "#/components/schemas":  # by itself a schema does not travel
                yield below
    else:
        yield pointer


def _resolved(value: Any, document: Any) -> Any:
    target = value.get("$ref") if isinstance(value, dict) else None
    return resolve(document, target) if isinstance(target, str) else value
