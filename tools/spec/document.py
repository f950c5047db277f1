"""Read an OpenAPI document, YAML 1.2 or JSON: strictly, since a page is a stranger's text. Pure.

YAML 1.1, which PyYAML reads, takes `on`, `no`, `010` and `1:30` for other things than text, and `1e-7` for text.
Everything in tools/ reads the spec through here, and hands it on as JSON, so that no two readers disagree.
"""

import functools
import json
import re
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.composer import Composer
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError
from ruamel.yaml.events import AliasEvent

from tools import ToolError

_DEEPEST = 100
_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


def load(text: str) -> Any:
    """Return the value of a JSON or YAML text: dicts with text as keys, lists, and JSON's plain values.

    A number as a key, as in `200:`, is its text.

    Raises:
        ToolError: Not readable, a key twice, an alias, a tag, a number that JSON lacks, or nested too deeply.
    """
    return json.loads(_as_json(text))


@functools.lru_cache(maxsize=8)  # reading YAML is most of what a regeneration does
def _as_json(text: str) -> str:
    try:
        value = _json(text) if text.lstrip().startswith("{") else _yaml(text)
        _check_depth(value)
        made = json.dumps(value, ensure_ascii=False, allow_nan=False)
        made.encode()  # a lone surrogate cannot be
    except ToolError:
        raise
    except RecursionError:
        raise ToolError("nested too deeply") from None
    except (YAMLError, ValueError, TypeError) as error:  # a type that JSON lacks, too
        raise ToolError(f"not readable: {' '.join(str(error).split())}") from None
    if value is None:
        raise ToolError("empty")
    return made


def _check_depth(value: Any) -> None:
    """Raise where a value is nested too deeply: not every Python ends at some depth by itself."""
    level = [value]
    for _ in range(_DEEPEST):
        level = [
            child
            for node in level
            for child in (node.values() if isinstance(node, dict) else node if isinstance(node, list) else ())
        ]
    if level:
        raise ToolError("nested too deeply")


class Operation(NamedTuple):
    """What a document describes: an HTTP method in lower case, and a path with its leading slash."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"

    @classmethod
    def of(cls, words: list[str]) -> "Operation | None":
        """Return the operation that a text such as `post /path` names."""
        named = len(words) == 2 and words[0].lower() in _METHODS and words[1].startswith("/")
        return cls(words[0].lower(), words[1]) if named else None


def operations_of(document: Any) -> dict[Operation, dict[str, Any]]:
    """Return the operations of an OpenAPI 3 document, and what it says of each; none if it is no such document."""
    if not isinstance(document, dict) or not str(document.get("openapi", "")).startswith("3."):
        return {}
    paths = document.get("paths")
    return {
        Operation(method, path): operation
        for path, methods in (paths.items() if isinstance(paths, dict) else ())
        if isinstance(methods, dict)
        for method, operation in methods.items()
        if method in _METHODS and isinstance(operation, dict)
    }


def escape(key: str) -> str:
    """Return a key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def _json(text: str) -> Any:
    try:
        return json.loads(text, object_pairs_hook=_pairs)
    except json.JSONDecodeError:
        return _yaml(text)  # a flow mapping, perhaps


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ToolError(f"the key {key!r} stands twice in one object")
        found[key] = value
    return found


def _yaml(text: str) -> Any:
    if re.match(r"%YAML\s+(?!1\.2\b)", text):
        raise ToolError("it calls itself another YAML than 1.2")
    reader = YAML(typ="safe", pure=True)
    reader.Composer, reader.Constructor = _Composer, _Constructor
    return reader.load(text)


class _Composer(Composer):
    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.parser.check_event(AliasEvent):
            line = self.parser.peek_event().start_mark.line + 1
            raise ToolError(f"line {line}: an alias; write out what it stands for")
        return super().compose_node(parent, index)


class _Constructor(SafeConstructor):
    """Keys are text, and a date is text as it is in JSON."""

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002, FBT001, FBT002 - the base's signature
        found: dict[Any, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag not in (f"{_TAG}str", f"{_TAG}int", f"{_TAG}timestamp"):
                raise ToolError(f"line {line}: a key that is no text: quote it")
            if key.value in found:
                raise ToolError(f"line {line}: the key {key.value!r} stands twice in one object")
            found[key.value] = self.construct_object(value, deep=True)
        return found


_TAG = "tag:yaml.org,2002:"
for _text in ("timestamp", "value"):
    _Constructor.add_constructor(_TAG + _text, SafeConstructor.construct_yaml_str)
