"""Make one OpenAPI document of several pages', each of which holds only its own slice. Pure."""

from dataclasses import dataclass
from typing import Any

from _document import DocumentError, escape, lines

_OPERATION_KEYS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


class MergeError(ValueError):
    """Two pages define one thing differently. The message names each such thing, and where it stands in both."""


@dataclass(frozen=True, slots=True)
class Source:
    """A page's document.

    Attributes:
        name: The page, as the user named it.
        text: The document in it.
        line: The line of the page on which the document begins, from 1.
        document: The parsed text.
    """

    name: str
    text: str
    line: int
    document: dict[str, Any]

    def at(self, pointer: str) -> str:
        """Where something stands: page and line, or page and pointer in JSON on one line."""
        try:
            return f"{self.name}:{lines(self.text)[pointer] + self.line - 1}"
        except (DocumentError, KeyError):
            return f"{self.name} ({pointer})"


def merge(sources: list[Source]) -> dict[str, Any]:
    """Return the union of the documents. `info` is the first one's: each page names its own file there.

    Raises:
        MergeError: A path and method, a component, the servers, the security or the version differ.
    """
    merged: dict[str, Any] = {"openapi": None, "info": None, "servers": None, "security": None, "tags": []}
    merged |= {"paths": {}, "components": {}}
    owners: dict[str, Source] = {}
    conflicts = [said for source in sources for said in _add(merged, owners, source)]
    if conflicts:
        raise MergeError("the pages contradict each other:\n" + "\n".join(conflicts))
    return {key: value for key, value in merged.items() if value or key == "paths"}


def _add(merged: dict[str, Any], owners: dict[str, Source], source: Source) -> list[str]:
    document = source.document
    conflicts = []
    for key in document:
        if key == "info":
            merged["info"] = merged["info"] or document["info"]
        elif key == "paths":
            for path, item in document["paths"].items():
                target = merged["paths"].setdefault(path, {})
                conflicts += _put_all(target, item, f"#/paths/{escape(path)}", owners, source)
        elif key == "components":
            for section, items in document["components"].items():
                target = merged["components"].setdefault(section, {})
                conflicts += _put_all(target, items, f"#/components/{escape(section)}", owners, source)
        elif key == "tags":
            merged["tags"] += [tag for tag in document["tags"] if tag not in merged["tags"]]
        else:
            conflicts += _put(merged, key, document[key], "#", owners, source)
    return conflicts


def _put_all(
    target: dict[str, Any], items: dict[str, Any], pointer: str, owners: dict[str, Source], source: Source
) -> list[str]:
    return [
        said for key, value in items.items() for said in _put(target, key, value, pointer, owners, source)
    ]


def _put(
    target: dict[str, Any], key: str, value: Any, parent: str, owners: dict[str, Source], source: Source
) -> list[str]:
    pointer = f"{parent}/{escape(key)}"
    if target.get(key) is None:
        target[key] = value
        owners[pointer] = source
        return []
    if target[key] == value:
        return []
    where = _first_difference(target[key], value, pointer)
    first = owners[pointer]
    return [f"- {_title(pointer)} differs at {where}: {first.at(where)} and {source.at(where)}"]


def _title(pointer: str) -> str:
    parts = [part.replace("~1", "/").replace("~0", "~") for part in pointer.split("/")[1:]]
    match parts:
        case ["paths", path, method] if method in _OPERATION_KEYS:
            return f"{method.upper()} {path}"
        case ["components", "schemas", name]:
            return f"the schema {name}"
        case _:
            return pointer


def _first_difference(one: Any, other: Any, pointer: str) -> str:
    """The deepest place that both have and that differs first."""
    if isinstance(one, dict) and isinstance(other, dict) and one.keys() == other.keys():
        key = next(key for key in one if one[key] != other[key])
        return _first_difference(one[key], other[key], f"{pointer}/{escape(key)}")
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        index = next(i for i, (a, b) in enumerate(zip(one, other, strict=True)) if a != b)
        return _first_difference(one[index], other[index], f"{pointer}/{index}")
    return pointer
