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

from tools import ToolError

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "trace"})


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
        try:
            json.loads(text)
        except json.JSONDecodeError:
            text = json.dumps(_yaml(text), ensure_ascii=False)
        value = json.loads(text, object_pairs_hook=_pairs)
        _visit(value)
        made = json.dumps(value, ensure_ascii=False, allow_nan=False)
        made.encode()  # a lone surrogate cannot be
    except RecursionError:
        raise ToolError("nested too deeply") from None
    except (YAMLError, ValueError, TypeError) as error:  # a type that JSON lacks, too
        raise ToolError(f"not readable: {' '.join(str(error).split())}") from None
    if value is None:
        raise ToolError("empty")
    return made


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ToolError(f"a key stands twice in one object, with the keys {', '.join(found)}")
    return found


def _visit(value: Any) -> None:
    """End with a RecursionError where a value is nested too deeply: not every Python's reader of JSON does."""
    for child in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        _visit(child)


def _yaml(text: str) -> Any:
    if re.match(r"%YAML\s+(?!1\.2\b)", text):
        raise ToolError("it calls itself another YAML than 1.2")
    reader = YAML(typ="safe", pure=True)
    reader.Composer, reader.Constructor = _Composer, _Constructor
    return reader.load(text)


class _Composer(Composer):
    def return_alias(self, a: Any) -> Any:
        raise ToolError(f"an alias of line {a.start_mark.line + 1}; write out what it stands for")


class _Constructor(SafeConstructor):
    """A date is text, as it is in JSON."""


for _text in ("timestamp", "value"):
    _Constructor.add_constructor(f"tag:yaml.org,2002:{_text}", SafeConstructor.construct_yaml_str)


class Operation(NamedTuple):
    """What a document describes: an HTTP method in lower case, and a path with its leading slash."""

    method: str
    path: str

    def __str__(self) -> str:
        return f"{self.method.upper()} {self.path}"


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
        if method in METHODS and isinstance(operation, dict)
    }


def escape(key: str) -> str:
    """Return a key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")
