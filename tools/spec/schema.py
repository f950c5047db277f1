"""Look into a spec as a reader of one field would: through references, `allOf` and alternatives. And is it valid? Pure."""

import re
from collections.abc import Iterator
from typing import Any, NamedTuple

from tools.spec.document import escape, operations_of

Schema = dict[str, Any]
_SHOWN = 5


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


def expanded(document: dict[str, Any]) -> dict[str, Any]:
    """Return a document with what its references lead to in their places, and what `allOf` names in the schema itself.

    A reference to what it stands in, or to nothing, becomes `{}`.
    """

    def whole(value: Any, inside: tuple[str, ...]) -> Any:
        if isinstance(value, list):
            return [whole(item, inside) for item in value]
        if not isinstance(value, dict):
            return value
        if isinstance(target := value.get("$ref"), str):
            try:
                return {} if target in inside else whole(resolve(document, target), (*inside, target))
            except LookupError:
                return {}
        found = {key: whole(item, inside) for key, item in value.items()}
        for part in found.pop("allOf", ()):
            properties = {**part.get("properties", {}), **found.get("properties", {})}
            required = [*found.get("required", ()), *part.get("required", ())]
            found = {**part, **found}
            found |= {"properties": properties} if properties else {}
            found |= {"required": required} if required else {}
        return found

    result: dict[str, Any] = whole(document, ())
    return result


def server_of(document: dict[str, Any]) -> str | None:
    """Return the first server's address, its variables at their defaults; None without a server."""
    server = (document.get("servers") or [{}])[0]
    values = {name: told.get("default", "") for name, told in server.get("variables", {}).items()}
    url = server.get("url")
    return url and re.sub(r"\{(\w+)\}", lambda found: str(values.get(found[1], found[0])), str(url))


def content_of(side: dict[str, Any]) -> dict[str, Any]:
    """Return what a request body or a response holds, by media type, parameters such as a charset left out."""
    content = side.get("content", {})
    return {kind.partition(";")[0].strip().lower(): media for kind, media in content.items()}


class Found(NamedTuple):
    """A field: its schema, the JSON types it may have (`any` where that is not said), and whether every form requires it."""

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
    for name, child in children.items():
        types = frozenset(kind for form in _alternatives(child) for kind in _types(form))
        required = all(name in form.get("required", []) for form in forms)
        found[f"{path}{name}"] = Found(child, types, required)
        found |= fields(child, f"{path}{name}.")
    return found


def _alternatives(schema: Schema) -> list[Schema]:
    """Every form that a schema allows: itself, or each of `oneOf` and `anyOf`."""
    found = [*schema.get("oneOf", []), *schema.get("anyOf", [])]
    return [form for part in found for form in _alternatives(part)] if found else [schema]


def _types(form: Schema) -> list[str]:
    named = form.get("type") or ("object" if "properties" in form else "any")
    return [*([named] if isinstance(named, str) else named), *["null"] * bool(form.get("nullable"))]
