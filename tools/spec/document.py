"""Read an OpenAPI document, YAML 1.2 or JSON: strictly, since a page is a stranger's text. Pure.

YAML 1.1, which PyYAML reads by default, takes `on`, `no`, `010`, `1:30` and `2024-01-01` for other things than text,
and `1e-7` for text. Everything in tools/ reads the spec through here, and hands it on as JSON, so that no two readers
disagree.
"""

import json
import re
from typing import Any, ClassVar, NamedTuple

import yaml

_METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


class DocumentError(ValueError):
    """The text is no document that every reader understands in the same way."""


def load(text: str) -> Any:
    """Return the value of a JSON or YAML text: dicts with text as keys, lists, and JSON's plain values.

    A number as a key, as in `200:`, is its text.

    Raises:
        DocumentError: Not readable, a key twice, an alias, a tag, a number that JSON lacks, or nested too deeply.
    """
    try:
        value = _json(text) if text.lstrip().startswith("{") else _yaml(text)
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()  # a lone surrogate cannot be encoded
    except DocumentError:
        raise
    except RecursionError:
        raise DocumentError("nested too deeply") from None
    except (yaml.YAMLError, ValueError, KeyError) as error:
        raise DocumentError(f"not readable: {' '.join(str(error).split())}") from None
    if value is None:
        raise DocumentError("empty")
    return value


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
            raise DocumentError(f"the key {key!r} stands twice in one object")
        found[key] = value
    return found


def _yaml(text: str) -> Any:
    if re.match(r"%YAML\s+(?!1\.2\b)", text):
        raise DocumentError("it calls itself another YAML than 1.2")
    return yaml.load(text, _Loader)  # noqa: S506 - a safe loader


class _Loader(yaml.SafeLoader):
    """The core schema of YAML 1.2, without aliases."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - as the base has it
    yaml_constructors: ClassVar[dict[Any, Any]] = {}

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.AliasEvent):
            line = self.peek_event().start_mark.line + 1  # type: ignore[no-untyped-call]
            raise DocumentError(f"line {line}: an alias; write out what it stands for")
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:  # noqa: ARG002, FBT001, FBT002 - the base's signature
        found: dict[Any, Any] = {}
        for key, value in node.value:
            line = key.start_mark.line + 1
            if key.tag not in (f"{_YAML}str", f"{_YAML}int") or (key.value == "<<" and key.style is None):
                raise DocumentError(f"line {line}: a key that is no text: quote it")
            if key.value in found:
                raise DocumentError(f"line {line}: the key {key.value!r} stands twice in one object")
            found[key.value] = self.construct_object(value, deep=True)
        return found

    def integer(self, node: yaml.ScalarNode) -> int:
        return int(node.value, 0 if node.value[:2] in ("0o", "0x") else 10)


_YAML = "tag:yaml.org,2002:"
for _name, _pattern, _first in (
    ("null", r"~|null|Null|NULL|", "~nN"),
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", "-+0123456789"),
    ("float", r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)", "-+0123456789."),
):  # fmt: skip
    _Loader.add_implicit_resolver(
        f"{_YAML}{_name}", re.compile(f"^(?:{_pattern})$"), [*_first, *([""] * (_name == "null"))]
    )
for _tag in (*(f"{_YAML}{_name}" for _name in ("null", "bool", "float", "str", "seq", "map")), None):
    _Loader.add_constructor(_tag, yaml.SafeLoader.yaml_constructors[_tag])
_Loader.add_constructor(f"{_YAML}int", _Loader.integer)
