"""Read and write an OpenAPI document as YAML 1.2 or JSON: strictly, and with bounds, since a page is a stranger's text. Pure.

YAML 1.1, which PyYAML reads by default, takes `on`, `no`, `010`, `1:30` and `2024-01-01` for other things than text,
and `1e-7` for text. Everything in tools/ reads the spec through here, and hands it on as JSON, so that no two readers
disagree.
"""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import yaml

MAX_BYTES = 2 * 1024 * 1024
"""Largest page or document. The published page has 13 kB."""

MAX_NODES = 200_000
"""Most values of a document once its aliases are written out: what a page of `MAX_BYTES` can hold without them."""

MAX_DEPTH = 100


class DocumentError(ValueError):
    """The text is no document that every reader understands in the same way."""


class _Loader(yaml.SafeLoader):
    """The core schema of YAML 1.2."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {}  # noqa: RUF012 - as the base has it


_CORE = {
    "null": (r"~|null|Null|NULL|", ["~", "n", "N", ""]),
    "bool": (r"true|True|TRUE|false|False|FALSE", list("tTfF")),
    "int": (r"[-+]?[0-9]+|0o[0-7]+|0x[0-9a-fA-F]+", list("-+0123456789")),
    "float": (
        r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?|[-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN)",
        list("-+0123456789."),
    ),
}
for _name, (_pattern, _first) in _CORE.items():
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_name}", re.compile(f"^(?:{_pattern})$"), _first)

_TAGS = frozenset(f"tag:yaml.org,2002:{name}" for name in (*_CORE, "str", "map", "seq"))


def load(text: str) -> Any:
    """Return the value of a JSON or YAML text: dicts with text as keys, lists, and JSON's plain values.

    A number as a key, as in `200:`, is its text.

    Raises:
        DocumentError: Not readable, a key twice, a tag, a merge key, a number that JSON lacks, or too big or deep
            once aliases are written out.
    """
    if text.lstrip().startswith("{"):
        try:
            value = json.loads(text, object_pairs_hook=_pairs, parse_constant=_no_constant)
        except json.JSONDecodeError:
            pass  # a YAML flow mapping, perhaps
        except RecursionError:
            raise DocumentError("nested too deeply") from None
        else:
            _check_depth(value, 0)
            return _plain(value)
    return _plain(_value(compose(text)))


def compose(text: str) -> yaml.Node:
    """Return the checked node tree of a YAML text, which knows its lines.

    Raises:
        DocumentError: See `load`.
    """
    if re.match(r"%YAML\s+(?!1\.2\b)", text):
        raise DocumentError("it calls itself another YAML than 1.2")
    try:
        node = _Loader(text).get_single_node()
    except yaml.YAMLError as error:
        raise DocumentError(f"no YAML: {' '.join(str(error).split())}") from None
    except RecursionError:
        raise DocumentError("nested too deeply") from None
    if node is None:
        raise DocumentError("empty")
    _check_size(node, {}, 0)
    return node


def walk(node: yaml.Node, pointer: str = "#") -> Iterator[tuple[str, yaml.Node]]:
    """Yield every node with its JSON pointer, from the top down."""
    yield pointer, node
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            yield from walk(value, f"{pointer}/{escape(key.value)}")
    elif isinstance(node, yaml.SequenceNode):
        for index, item in enumerate(node.value):
            yield from walk(item, f"{pointer}/{index}")


def escape(key: str) -> str:
    """Return a key as a part of a JSON pointer."""
    return key.replace("~", "~0").replace("/", "~1")


def lines(text: str) -> dict[str, int]:
    """Return the line, from 1, on which the value of each JSON pointer stands."""
    return {pointer: node.start_mark.line + 1 for pointer, node in walk(compose(text))}


def ambiguities(text: str) -> list[str]:
    """Return a line for each plain value that YAML 1.1 would read as something else, in order."""
    resolver = yaml.SafeLoader("")
    return [
        f"line {node.start_mark.line + 1}: {node.value} at {pointer} is {_kind(node.tag)}; YAML 1.1 would read {_kind(old)}"
        for pointer, node in walk(compose(text))
        if isinstance(node, yaml.ScalarNode) and node.style is None
        if (old := str(resolver.resolve(yaml.ScalarNode, node.value, (True, False)))) != node.tag  # type: ignore[no-untyped-call]
    ]


def dump(document: Any) -> str:
    """Return the document as YAML which 1.1 and 1.2 read alike.

    Raises:
        DocumentError: It would not read back as the same.
    """
    text = yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=100)
    if load(text) != document:
        raise DocumentError("the document does not survive being written as YAML")
    return text


class _Dumper(yaml.SafeDumper):
    """Quotes what either version of YAML would not read as text, and writes no aliases."""

    yaml_implicit_resolvers: dict[str, list[tuple[str, re.Pattern[str]]]] = {  # noqa: RUF012 - as the base has it
        first: [
            *yaml.SafeDumper.yaml_implicit_resolvers.get(first, ()),
            *_Loader.yaml_implicit_resolvers.get(first, ()),
        ]
        for first in yaml.SafeDumper.yaml_implicit_resolvers.keys() | _Loader.yaml_implicit_resolvers.keys()
    }

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 - the base's signature
        return True


def _kind(tag: str) -> str:
    name = tag.rpartition(":")[2]
    return {"str": "text", "int": "a number", "float": "a number", "bool": "true or false"}.get(
        name, f"a {name}"
    )


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        keys = [key for key, _ in pairs]
        raise DocumentError(
            f"the key {next(key for key in keys if keys.count(key) > 1)!r} stands twice in one object"
        )
    return found


def _check_depth(value: Any, depth: int) -> None:
    """Refuses what is too deep; some versions of Python read JSON of any depth."""
    if depth > MAX_DEPTH:
        raise DocumentError("nested too deeply")
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for child in children:
        _check_depth(child, depth + 1)


def _no_constant(name: str) -> None:
    raise DocumentError(f"{name} is no JSON number")


def _check_size(node: yaml.Node, sizes: dict[int, int], depth: int) -> int:
    """The number of nodes below one, with every alias written out; 0 marks a node that is being counted."""
    if depth > MAX_DEPTH:
        raise DocumentError("nested too deeply")
    if sizes.get(id(node)) == 0:
        raise DocumentError("an alias that holds itself")
    if id(node) not in sizes:
        sizes[id(node)] = 0
        sizes[id(node)] = 1 + sum(_check_size(child, sizes, depth + 1) for child in _children(node))
    if sizes[id(node)] > MAX_NODES:
        raise DocumentError(f"over {MAX_NODES} values once its aliases are written out")
    return sizes[id(node)]


def _children(node: yaml.Node) -> Iterator[yaml.Node]:
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            _check_key(key)
            yield value
        keys = [key.value for key, _ in node.value]
        if len(set(keys)) < len(keys):
            twice = next(key for key in keys if keys.count(key) > 1)
            raise DocumentError(
                f"line {node.start_mark.line + 1}: the key {twice!r} stands twice in one object"
            )
    elif isinstance(node, yaml.SequenceNode):
        yield from node.value


def _check_key(key: yaml.Node) -> None:
    kind = key.tag.rpartition(":")[2]
    if (
        not isinstance(key, yaml.ScalarNode)
        or kind not in {"str", "int"}
        or (key.value == "<<" and key.style is None)
    ):
        raise DocumentError(f"line {key.start_mark.line + 1}: a key that is no text: quote it")


def _value(node: yaml.Node) -> Any:
    if node.tag not in _TAGS:
        raise DocumentError(f"line {node.start_mark.line + 1}: the tag {node.tag}")
    if isinstance(node, yaml.MappingNode):
        return {key.value: _value(value) for key, value in node.value}
    if isinstance(node, yaml.SequenceNode):
        return [_value(item) for item in node.value]
    return _scalar(node.tag.rpartition(":")[2], node.value, node.start_mark.line + 1)


def _scalar(kind: str, text: str, line: int) -> Any:
    try:
        return _READERS[kind](text)
    except (ValueError, KeyError):
        raise DocumentError(f"line {line}: {text[:40]!r} is no {kind}") from None


def _integer(text: str) -> int:
    return int(text, 0 if text[:2] in {"0o", "0x"} else 10)


def _truth(text: str) -> bool:
    return {"true": True, "false": False}[text.lower()]


def _number(text: str) -> float:
    if "n" in text.lower() or (value := float(text)) in {float("inf"), float("-inf")}:
        raise ValueError
    return value


_READERS: dict[str, Callable[[str], Any]] = {
    "null": lambda _: None,
    "bool": _truth,
    "int": _integer,
    "float": _number,
    "str": str,
}


def _plain(value: Any) -> Any:
    """The value, if JSON can carry it: not too deep, not too big, no lone surrogates."""
    try:
        json.dumps(value, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):  # a UnicodeEncodeError is a ValueError
        raise DocumentError("nested too deeply, or holds what JSON cannot carry") from None
    return value
