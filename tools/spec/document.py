"""An OpenAPI document, YAML 1.2 or JSON: read strictly, since a page is a stranger's text, and looked into. Pure.

YAML 1.1, which PyYAML reads, takes `on`, `no`, `010` and `1:30` for other things than text, and `1e-7` for text.
Everything in tools/ reads the spec through here, and hands it on as JSON, so that no two readers disagree. What is looked
for in it is found through references, `allOf` and alternatives, as a reader of one field would.
"""

import functools
import io
import itertools
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from ruamel.yaml import YAML
from ruamel.yaml.constructor import SafeConstructor
from ruamel.yaml.error import YAMLError

from tools import ToolError

METHODS = frozenset({"get", "put", "post", "delete", "options", "head", "patch", "query", "trace"})
Schema = dict[str, Any]
JSON = "application/json"
_NAMES = frozenset([
    "$defs", "callbacks", "content", "definitions", "encoding", "examples", "headers", "links",
    "parameters", "pathItems", "paths", "patternProperties",
    "properties", "requestBodies", "responses", "schemas", "securitySchemes", "webhooks",
])  # fmt: skip
"""Keys of objects whose own keys are names: a field `example` among `properties` is a field."""
_DATA = frozenset({"const", "default", "enum", "example", "value"})


def load(text: str) -> Any:
    """Return the value of a JSON or YAML text: dicts with text as keys, lists, and JSON's plain values.

    A number as a key, as in `200:`, is its text.

    Raises:
        ToolError: Not readable, a key twice, a tag, a number that JSON lacks, or nested too deeply.
    """
    return json.loads(_as_json(text))


@functools.lru_cache(maxsize=8)  # reading YAML is most of what a regeneration does
def _as_json(text: str) -> str:
    try:
        try:
            json.loads(text)
        except json.JSONDecodeError:
            text = _written_out(_yaml(text))
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
    reader.Constructor = _Constructor
    return reader.load(text)


def _written_out(value: Any, limit: int = 2_000_000) -> str:
    """JSON with what each alias stands for in its place, which a few lines of YAML can make endless."""
    made = io.StringIO()
    for piece in json.JSONEncoder(ensure_ascii=False).iterencode(value):
        if made.write(piece) and made.tell() > limit:
            raise ToolError(f"its aliases make it longer than {limit} characters")
    return made.getvalue()


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


def parts(value: Any, *, names: bool = False) -> Iterator[tuple[Any, Any, bool]]:
    """What a part of a document holds, but for data and extensions: key, value, and whether the value's keys are names."""
    for key, item in (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    ):
        if names or isinstance(key, int):
            yield key, item, False
        elif not (key in _DATA or key.startswith("x-") or (key == "examples" and isinstance(item, list))):
            yield key, item, key in _NAMES


def objects(value: Any, pointer: str = "#", *, names: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield every object inside that is no data, and its place; the value itself first."""
    if isinstance(value, dict) and not names:
        yield pointer, value
    for key, inner, named in parts(value, names=names):
        yield from objects(inner, f"{pointer}/{escape(str(key))}", names=named)


def resolve(document: Any, pointer: Any) -> Any:
    """Return what a JSON pointer of the form `#/a/b` leads to; a LookupError is raised if nowhere in the document."""
    if not (isinstance(pointer, str) and pointer.startswith("#/")):
        raise LookupError(pointer)
    value = document
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (TypeError, ValueError):
            raise LookupError(pointer) from None
    return value


def valid(text: str) -> dict[str, Any]:
    """Return the document of a text that can be built on; a ToolError says what is wrong with it.

    References are checked before the validator runs, which would follow them to any address.
    """
    document: dict[str, Any] = load(text)
    if not operations_of(document):
        raise ToolError("no OpenAPI 3 document with an operation")
    try:
        found = [*_reference_problems(document)] or _validator_problems(document)
        found = found or [*_server_problems(document)]
    except RecursionError:
        raise ToolError("nested too deeply") from None
    if found:
        raise ToolError("\n- ".join(["the document is not valid:", *found[:5]]))
    return document


def _reference_problems(document: Any) -> Iterator[str]:
    """Each `$ref` that leads nowhere in the document, or outside."""
    references = [(place, value["$ref"]) for place, value in objects(document) if "$ref" in value]
    for place, target in references:
        try:
            resolve(document, target)
        except LookupError:
            yield f"{place}: refers to {target}, which is not in the document"


def _server_problems(document: Any) -> Iterator[str]:
    if not document.get("servers"):
        yield "#/servers: names no server, so nobody knows where to send a key"
    for url in addresses(document):
        if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w./-]*)?", url, re.ASCII):
            yield f"#/servers: {url!r} is no plain https address"


def _validator_problems(document: Any) -> list[str]:
    from openapi_spec_validator.shortcuts import get_validator_cls  # noqa: PLC0415 - half a second

    try:
        return [
            f"#/{'/'.join(escape(str(part)) for part in error.absolute_path)}: {error.message[:200]}"
            for error in get_validator_cls(document)(document).iter_errors()
        ]
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        return [f"the validator gave up on it: {type(error).__name__}: {str(error)[:200]}"]


def expanded(document: dict[str, Any], *, plain: bool = False) -> dict[str, Any]:
    """Return a document with what its references lead to in their places, and what `allOf` names in the schema itself.

    Media types are without parameters such as a charset, and what a schema demands is sorted. A reference to what it stands in
    becomes `{}`, and a part of `allOf` that contradicts the rest stays where it is. `plain` leaves out examples and extensions.
    """

    def whole(value: Any, inside: tuple[str, ...], *, names: bool = False) -> Any:
        if isinstance(value, list):
            return [whole(item, inside) for item in value]
        if not isinstance(value, dict):
            return value
        told = parts(value, names=names)
        found = value | {key: whole(item, inside, names=named) for key, item, named in told}
        if names:
            return found
        if plain:
            found = {key: item for key, item in found.items() if not re.match("examples?$|x-", key)}
        if isinstance(content := found.get("content"), dict):
            found["content"] = {
                kind.partition(";")[0].strip().lower(): media for kind, media in content.items()
            }
        if isinstance(target := found.pop("$ref", None), str):
            there = {} if target in inside else whole(resolve(document, target), (*inside, target))
            found["allOf"] = [there, *found.get("allOf", ())]
        return _merged(found)

    result: dict[str, Any] = whole(document, ())
    return result


def _merged(found: Schema) -> Schema:
    """A schema with the parts of its `allOf` in itself, as far as they go together."""
    left = []
    for part in found.pop("allOf", ()):
        fields, more = found.get("properties", {}), part.get("properties", {})
        apart = part.keys() - {"properties", "required", "description", "title"}
        if any(found.get(key, part[key]) != part[key] for key in apart) or any(
            fields.get(name, more[name]) != more[name] for name in more
        ):
            left.append(part)
            continue
        demanded = _demanded(found) + _demanded(part)
        found = {**part, **found, **({"properties": {**more, **fields}} if more else {})}
        found |= {"required": demanded} if demanded else {}
    if demanded := _demanded(found):
        found["required"] = sorted(set(demanded))
    return found | ({"allOf": left} if left else {})


def _demanded(schema: Schema) -> list[str]:
    """What a schema requires; that a body or a parameter is required is another matter."""
    required = schema.get("required")
    return required if isinstance(required, list) else []


def addresses(document: dict[str, Any]) -> list[str]:
    """Return the address of each server, with each choice of its variables; the first is the default."""
    found = []
    for server in document.get("servers") or ():
        told = server.get("variables", {})
        for chosen in itertools.product(
            *([one.get("default"), *one.get("enum", ())] for one in told.values())
        ):
            url = str(server["url"]).rstrip("/")
            for name, value in zip(told, chosen, strict=True):
                url = url.replace(f"{{{name}}}", str(value))
            found.append(url)
    return list(dict.fromkeys(found))


class Found(NamedTuple):
    """A field: its schema, the JSON types it may have (or `any`, or `absent` in a form), and whether every form requires it."""

    schema: Schema
    types: frozenset[str]
    required: bool


def fields(schema: Schema, path: str = "") -> dict[str, Found]:
    """Return every field that some form of an expanded schema has or requires, by its path: `a.[].b` for `b` of the items of `a`."""
    forms = _alternatives(schema)
    children: dict[str, Any] = {name: {} for form in forms for name in form.get("required", [])}
    for form in forms:
        children |= form.get("properties", {})
        children |= {"[]": form["items"]} if "items" in form else {}
    found: dict[str, Found] = {}
    for name, told in children.items():
        child: Schema = told if isinstance(told, dict) else {}  # OpenAPI 3.1 has true and false for schemas
        kinds = [kind for form in _alternatives(child) for kind in _types(form)]
        if any(name not in {"[]", *form.get("properties", {})} for form in forms):
            kinds.append("absent")
        required = all(name in form.get("required", []) for form in forms)
        found[f"{path}{name}"] = Found(child, frozenset(kinds), required)
        found |= fields(child, f"{path}{name}.")
    return found


def _alternatives(schema: Schema) -> list[Schema]:
    """Every form that a schema allows: itself, or each of `oneOf` and `anyOf`, with what it says beside them."""
    base = {key: value for key, value in schema.items() if key not in ("oneOf", "anyOf")}
    found = [*schema.get("oneOf", []), *schema.get("anyOf", [])]
    wholes = [_merged({**part, "allOf": [*part.get("allOf", []), base]}) for part in found]
    return [form for whole in wholes for form in _alternatives(whole)] if found else [schema]


def _types(form: Schema) -> list[str]:
    named = form.get("type") or ("object" if "properties" in form else "any")
    return [*([named] if isinstance(named, str) else named), *["null"] * bool(form.get("nullable"))]
