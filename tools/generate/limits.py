"""What the generator does not see in a spec: told to the templates, put in other words for it, or refused by name."""

import copy
import re
from collections.abc import Iterator
from typing import Any

from tools.generate.inputs import GenerateError
from tools.spec.document import operations_of
from tools.spec.schema import content_of, expanded, server_of

STREAMS = {"text/event-stream", "application/x-ndjson", "application/jsonl", "application/json-seq"}


def spec_facts(document: dict[str, Any]) -> dict[str, str]:
    """Return what the generator does not hand to its templates: the server's address and the key's header.

    Raises:
        GenerateError: There is no plain https server, or no key in a header.
    """
    url = server_of(document) or ""
    if not re.fullmatch(r"https://[\w.-]+(:\d+)?(/[\w./-]*)?", url, re.ASCII):
        raise GenerateError(f"openapi.yaml: the first server {url!r} is no plain https address")
    if not (headers := list(_key_headers(document))):
        raise GenerateError("openapi.yaml: expected an apiKey in a header among the security schemes")
    return {"default_base_url": url, "auth_header_name": headers[0]}


def _key_headers(document: dict[str, Any]) -> Iterator[str]:
    """The headers that a key alone may go into, Authorization first: the prefix that the client sends is for it."""
    schemes = document.get("components", {}).get("securitySchemes", {}).values()
    wanted = {"type": "apiKey", "in": "header"}
    found = [str(scheme.get("name")) for scheme in schemes if wanted.items() <= scheme.items()]
    yield from sorted(found, key=lambda name: name.lower() != "authorization")


def handed_on(document: dict[str, Any]) -> dict[str, Any]:
    """Return the spec in words that the generator understands.

    It takes readOnly and writeOnly for nothing, so a field that only one side sends is none that both must have.

    Raises:
        GenerateError: Of something that is said there is no right code; names it.
    """
    if refused := list(_refused(document)):
        raise GenerateError("\n".join(f"openapi.yaml: {line}" for line in refused))
    made = copy.deepcopy(document)
    for schema in objects(made):
        properties = schema.get("properties")
        if isinstance(properties, dict) and isinstance(schema.get("required"), list):
            one_sided = {
                name
                for name, inner in properties.items()
                if isinstance(inner, dict) and (inner.get("readOnly") or inner.get("writeOnly"))
            }
            schema["required"] = [name for name in schema["required"] if name not in one_sided]
            if not schema["required"]:
                del schema["required"]
    return made


def objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object inside, the value itself first."""
    if isinstance(value, dict):
        yield value
    for inner in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from objects(inner)


def _refused(document: dict[str, Any]) -> Iterator[str]:
    """A line for each thing of which there is no right code."""
    paths = expanded(document)["paths"]
    for operation in operations_of(document):
        told = paths[operation.path][operation.method]
        body = told.get("requestBody", {})
        if any(kind.startswith("multipart/") for kind in content_of(body)):
            yield f"{operation} takes files (multipart), for which templates/ has no code"
        if any(map(_is_stream, (body, *told.get("responses", {}).values()))):
            yield f"{operation} is a stream of messages; the generated code reads and sends one JSON document"
        if body and any(one.get("name") == "body" for one in told.get("parameters", [])):
            yield f"{operation} has a parameter `body` beside its body: both would be the argument `body`"
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        if any("propertyName" in (inner.get("discriminator") or {}) for inner in objects(schema)):
            yield f"{name} has a discriminator, which the generator drops: the first schema that fits would be taken"


def _is_stream(side: dict[str, Any]) -> bool:
    """Whether a request or a response is many messages, as grpc-gateway describes them or by its media type."""
    content = content_of(side)
    return (
        "(streaming" in str(side.get("description", ""))
        or not STREAMS.isdisjoint(content)
        or any(
            media.get("schema", {}).get("properties", {}).keys() == {"result", "error"}
            for media in content.values()
        )
    )
