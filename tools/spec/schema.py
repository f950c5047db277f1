"""Look into a spec as a reader of one field would: through references, `allOf` and alternatives. And is it valid? Pure."""

from collections.abc import Iterator
from typing import Any, NamedTuple

from tools.spec.document import escape, operations_of

Schema = dict[str, Any]
_SHOWN = 5
MAX_LEVELS = 12  # a schema may hold itself


def resolve(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer of the form `#/a/b` leads to; a LookupError is raised if nowhere."""
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
    try:
        found = [*_reference_problems(document, document), *_server_problems(document)]
        return (found or _validator_problems(document))[:_SHOWN]
    except RecursionError:
        return ["nested too deeply"]


def _reference_problems(document: Any, value: Any, pointer: str = "#") -> Iterator[str]:
    """Each `$ref` that leads nowhere or outside, but for those that are data in an example."""
    inside = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, item in inside:
        if key != "$ref":
            if key not in {"example", "examples", "default", "enum", "x-codeSamples"}:
                yield from _reference_problems(document, item, f"{pointer}/{escape(str(key))}")
        elif not isinstance(item, str) or not item.startswith("#/"):
            yield f"{pointer}: refers to {str(item)[:80]!r}, which is outside of the document"
        else:
            try:
                resolve(document, item)
            except LookupError:
                yield f"{pointer}: refers to {item[:80]}, which is not there"


def _server_problems(document: Any) -> Iterator[str]:
    servers = document.get("servers")
    listed = [one for one in servers if isinstance(one, dict)] if isinstance(servers, list) else []
    if not listed:
        yield "#/servers: names no server, so nobody knows where to send a key"
    for url in (str(one.get("url")) for one in listed):
        if not url.startswith("https://"):
            yield f"#/servers: {url[:80]!r} is no https address"


def _validator_problems(document: Any) -> list[str]:
    from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator  # noqa: PLC0415 - half a second

    old = str(document["openapi"]).startswith("3.0")
    validator = OpenAPIV30SpecValidator if old else OpenAPIV31SpecValidator
    try:
        return [
            f"#/{'/'.join(escape(str(part)) for part in error.absolute_path)}: {error.message[:200]}"
            for error in validator(document).iter_errors()
        ]
    except (ValueError, TypeError, AttributeError, LookupError) as error:
        return [f"the validator gave up on it: {type(error).__name__}: {str(error)[:200]}"]


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
        merged: Schema = dict(schema) if isinstance(schema, dict) else {}
        for part in map(self.whole, merged.pop("allOf", ())):
            properties = {**part.get("properties", {}), **merged.get("properties", {})}
            required = [*merged.get("required", ()), *part.get("required", ())]
            merged = {**part, **merged, "properties": properties, "required": required}
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
        if items := [form["items"] for form in forms if "items" in form]:
            children["[]"] = items[-1]
        required_somewhere: dict[str, Any] = {name: {} for form in forms for name in form.get("required", [])}
        children = required_somewhere | children  # required, and perhaps described nowhere
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
