"""Whether a document is OpenAPI 3 that can be built on: valid, whole in itself, and with references that lead somewhere."""

from collections.abc import Iterator
from typing import Any

from _page import operations_of

_SHOWN = 5


def problems(document: Any) -> list[str]:
    """Return what is wrong with a document, in words; nothing if it is good.

    References are checked before the validator runs, which would follow them to any address.
    """
    if not operations_of(document):
        return ["no OpenAPI 3 document with an operation"]
    return _reference_problems(document) or _server_problems(document) or _validator_problems(document)


def references(value: Any, pointer: str = "#") -> Iterator[tuple[str, Any]]:
    """Yield the place and the target of every `$ref`, but for those that are data in an example."""
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref":
                yield pointer, item
            elif key not in {"example", "examples", "default", "enum", "x-codeSamples"}:
                yield from references(item, f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}")
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield from references(item, f"{pointer}/{index}")


def resolve(document: Any, pointer: str) -> Any:
    """Return what a JSON pointer of the form `#/a/b` leads to.

    Raises:
        LookupError: Nowhere.
    """
    value = document
    for part in pointer.removeprefix("#").split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        value = value[int(key)] if isinstance(value, list) and key.isdecimal() else value[key]
    return value


def _reference_problems(document: Any) -> list[str]:
    found = []
    for pointer, target in references(document):
        if not isinstance(target, str) or not target.startswith("#/"):
            found.append(f"{pointer}: refers to {str(target)[:80]!r}, which is outside of the document")
        elif not _leads_somewhere(document, target):
            found.append(f"{pointer}: refers to {target[:80]}, which is not there")
    return found[:_SHOWN]


def _leads_somewhere(document: Any, target: str) -> bool:
    try:
        resolve(document, target)
    except (LookupError, TypeError):
        return False
    return True


def _server_problems(document: Any) -> list[str]:
    servers = document.get("servers")
    urls = (
        [server.get("url") for server in servers if isinstance(server, dict)]
        if isinstance(servers, list)
        else []
    )
    plain = [url for url in urls if not str(url).startswith("https://")]
    if not urls:
        return ["#/servers: names no server, so nobody knows where to send a key"]
    return [f"#/servers: {str(url)[:80]!r} is no https address" for url in plain]


def _validator_problems(document: Any) -> list[str]:
    from openapi_spec_validator import OpenAPIV30SpecValidator, OpenAPIV31SpecValidator  # noqa: PLC0415 - half a second

    old = str(document["openapi"]).startswith("3.0")
    validator = OpenAPIV30SpecValidator if old else OpenAPIV31SpecValidator
    try:
        errors = list(validator(document).iter_errors())
    except (ValueError, TypeError, AttributeError, LookupError, RecursionError) as error:
        return [f"the validator gave up on it: {type(error).__name__}: {str(error)[:200]}"]
    where = [
        "#/" + "/".join(str(part).replace("/", "~1") for part in error.absolute_path) for error in errors
    ]
    return [f"{place}: {error.message[:200]}" for place, error in zip(where, errors, strict=True)][:_SHOWN]
