"""Look into a spec as a reader of one field would: through references, `allOf` and alternatives. And is it valid? Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tools.spec.document import escape
from tools.spec.page import operations_of

Schema = dict[str, Any]
_SHOWN = 5
MAX_LEVELS = 12  # a schema may hold itself


def resolve(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer of the form `#/a/b` leads to.

    Raises:
        LookupError: Nowhere.
    """
    value = document
    for part in pointer.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        try:
            value = value[int(key)] if isinstance(value, list) else value[key]
        except (TypeError, ValueError):
            raise LookupError(pointer) from None
    return value


def problems(document: Any) -> list[str]:
    """Return what is wrong with a document, in words; nothing if it can be built on.

    References are checked before the validator runs, which would follow them to any address.
    """
    if not operations_of(document):
        return ["no OpenAPI 3 document with an operation"]
    return _reference_problems(document) or _server_problems(document) or _validator_problems(document)


def _references(value: Any, pointer: str = "#") -> Iterator[tuple[str, Any]]:
    """The place and the target of every `$ref`, but for those that are data in an example."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield pointer, item
            elif key not in {"example", "examples", "default", "enum", "x-codeSamples"}:
                yield from _references(item, f"{pointer}/{escape(key)}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from _references(item, f"{pointer}/{index}")


def _reference_problems(document: Any) -> list[str]:
    found = []
    for pointer, target in _references(document):
        if not isinstance(target, str) or not target.startswith("#/"):
            found.append(f"{pointer}: refers to {str(target)[:80]!r}, which is outside of the document")
            continue
        try:
            resolve(document, target)
        except LookupError:
            found.append(f"{pointer}: refers to {target[:80]}, which is not there")
    return found[:_SHOWN]


def _server_problems(document: Any) -> list[str]:
    servers = document.get("servers")
    listed = [s for s in servers if isinstance(s, dict)] if isinstance(servers, list) else []
    if not listed:
        return ["#/servers: names no server, so nobody knows where to send a key"]
    plain = [url for server in listed if not (url := str(server.get("url"))).startswith("https://")]
    return [f"#/servers: {url[:80]!r} is no https address" for url in plain]


def _validator_problems(document: Any) -> list[str]:
    from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator  # noqa: PLC0415 - half a second

    old = str(document["openapi"]).startswith("3.0")
    validator = OpenAPIV30SpecValidator if old else OpenAPIV31SpecValidator
    try:
        errors = list(validator(document).iter_errors())
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        return [f"the validator gave up on it: {type(error).__name__}: {str(error)[:200]}"]
    places = ["#/" + "/".join(escape(str(part)) for part in error.absolute_path) for error in errors]
    return [f"{place}: {error.message[:200]}" for place, error in zip(places, errors, strict=True)][:_SHOWN]


class Found(NamedTuple):
    """A field: its schema, the JSON types it may have (`any` where that is not said), and whether every form requires it."""

    schema: Schema
    types: frozenset[str]
    required: bool


class Spec:
    """A parsed spec whose references lead somewhere."""

    def __init__(self, document: dict[str, Any]) -> None:
        self.document = document

    def get(self, value: Any) -> Any:
        """Return a value with a reference at its top followed."""
        for _ in range(20):  # a reference to itself is no schema
            if not (isinstance(value, dict) and isinstance(value.get("$ref"), str)):
                return value
            try:
                value = resolve(self.document, value["$ref"])
            except LookupError:
                return {}
        return {}

    def whole(self, schema: Any) -> Schema:
        """Return a schema with what it takes from `allOf` in it."""
        schema = self.get(schema)
        if not isinstance(schema, dict) or "allOf" not in schema:
            return schema if isinstance(schema, dict) else {}
        merged: Schema = {key: value for key, value in schema.items() if key != "allOf"}
        for part in map(self.whole, schema["allOf"]):
            for key, value in part.items():
                if key == "properties":
                    merged[key] = {**value, **merged.get(key, {})}
                elif key == "required":
                    merged[key] = [*merged.get(key, []), *value]
                else:
                    merged.setdefault(key, value)
        return merged

    def alternatives(self, schema: Any) -> list[Schema]:
        """Return every form a schema allows: itself, or each of `oneOf` and `anyOf`."""
        schema = self.whole(schema)
        found = [*schema.get("oneOf", []), *schema.get("anyOf", [])]
        return [form for part in found for form in self.alternatives(part)] if found else [schema]

    def fields(self, schema: Any) -> dict[str, Found]:
        """Return every field that some form of a schema has or requires, by its path: `a.[].b` for `b` of the items of `a`."""
        return dict(self._below(schema, ()))

    def _below(self, schema: Any, path: tuple[str, ...]) -> Iterator[tuple[str, Found]]:
        forms = self.alternatives(schema)
        children = {name: child for form in forms for name, child in form.get("properties", {}).items()}
        children |= {name: form["items"] for form in forms for name in ("[]",) if "items" in form}
        for name in [name for form in forms for name in form.get("required", [])]:
            children.setdefault(name, {})  # required, and described nowhere
        for name, child in children.items() if len(path) < MAX_LEVELS else ():
            required = all(name in form.get("required", []) for form in forms)
            types = frozenset(kind for form in self.alternatives(child) for kind in _types(form))
            yield ".".join((*path, name)), Found(self.whole(child), types, required)
            yield from self._below(child, (*path, name))


def _types(form: Schema) -> Iterator[str]:
    named = form.get("type")
    yield from named if isinstance(named, list) else [named or ("object" if "properties" in form else "any")]
    if form.get("nullable"):
        yield "null"
