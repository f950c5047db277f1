"""What the hand-written layer relies on in openapi.yaml, and where it stands: `reliance.py [SPEC]`.

The wrapper and the emulator say in their own words what the spec says in its. This holds the two against each other and
names the field and the file of ours that has to change. Exit codes: 0 the spec still says it, 1 it does not, 2 the spec
cannot be read.
"""

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from _document import DocumentError, load
from _page import Operation, operations_of
from _relied import (
    ATTEMPT,
    AUTH,
    CONTRACT,
    DECODE,
    ERROR,
    ERRORS,
    READ,
    RELIED,
    SEAM,
    SENT,
    Breach,
    Field,
)
from _schema import Schema, Spec
from inworld_embeddings._settings import DEFAULT_BASE_URL
from inworld_embeddings.models import ServiceProvider
from inworld_embeddings.options import CALL
from inworld_embeddings_emulator.handle import EMBED_PATH, PROVIDERS

ROOT = Path(__file__).resolve().parent.parent
ENDPOINT = Operation("post", EMBED_PATH)
JSON = "application/json"


def breaches(document: dict[str, Any]) -> list[Breach]:
    """Return what the wrapper and the emulator rely on and the spec no longer says; nothing if all is well."""
    if ENDPOINT not in operations_of(document):
        there = ", ".join(sorted(map(str, operations_of(document)))) or "none"
        return [Breach(str(ENDPOINT), f"is gone; operations there are: {there}", (SEAM, CONTRACT))]
    spec = Spec(document)
    item = document["paths"][ENDPOINT.path]
    operation = item[ENDPOINT.method]
    return [
        *_address(document, item, operation),
        *_security(spec, operation),
        *_parameters(spec, item, operation),
        *_request(spec, operation),
        *_answer(spec, operation),
        *_errors(spec, operation),
    ]


def _address(document: dict[str, Any], item: dict[str, Any], operation: dict[str, Any]) -> Iterator[Breach]:
    files = ("_settings.py",)
    url = (document.get("servers") or [{}])[0].get("url")
    if url != DEFAULT_BASE_URL:
        yield Breach("servers", f"the first is {url}, DEFAULT_BASE_URL is {DEFAULT_BASE_URL}", files)
    if "servers" in item or "servers" in operation:
        yield Breach(
            "servers", "the operation has servers of its own, which the generated client ignores", files
        )


def _security(spec: Spec, operation: dict[str, Any]) -> Iterator[Breach]:
    wanted = operation.get("security", spec.document.get("security", []))
    schemes = spec.document.get("components", {}).get("securitySchemes", {})
    asked = [[spec.get(schemes.get(name, {})) for name in requirement] for requirement in wanted]
    alone = [requirement[0] for requirement in asked if len(requirement) == 1]
    if not alone:
        yield Breach("security", "no key alone opens the operation", AUTH)
        return
    header = {"type": "apiKey", "in": "header", "name": "Authorization"}
    ours = [scheme for scheme in alone if {key: scheme.get(key) for key in header} == header]
    if not ours:
        found = ", ".join(f"{s.get('type')} {s.get('scheme') or s.get('name')}" for s in alone)
        yield Breach("security", f"the key goes into the header Authorization; the spec wants {found}", AUTH)
    elif not any("basic" in str(scheme.get("description", "")).lower() for scheme in ours):
        yield Breach("security", "the header's value no longer has the form `Basic {credentials}`", AUTH)


def _parameters(spec: Spec, item: dict[str, Any], operation: dict[str, Any]) -> Iterator[Breach]:
    for parameter in map(spec.get, [*item.get("parameters", []), *operation.get("parameters", [])]):
        if parameter.get("required"):
            name = f"{parameter.get('in')} parameter {parameter.get('name')}"
            yield Breach(name, "is required and never sent", (SEAM, CONTRACT))


def _request(spec: Spec, operation: dict[str, Any]) -> Iterator[Breach]:
    content = spec.get(operation.get("requestBody", {})).get("content", {})
    if JSON not in content:
        said = ", ".join(content) or "nothing"
        yield Breach(
            "request",
            f"is sent as {JSON}; the spec takes {said}",
            (SEAM, CONTRACT),
        )
        return
    schema = content[JSON].get("schema", {})
    yield from _fields(spec, schema, SENT, "request")
    yield from _never_sent(spec, schema, (), SENT)
    yield from _limits(spec, schema)
    inputs = spec.field(schema, "inputs") or {}
    most, batch = inputs.get("maxItems"), CALL["batch_size"].default
    if most is not None and most < batch:
        yield Breach(
            "request inputs", f"at most {most} in one request, batch_size is {batch}", ("options.py",)
        )
    provider = spec.field(spec.field(schema, "model") or {}, "serviceProvider")
    if provider is not None:
        yield from _providers(provider.get("enum"))


def _limits(spec: Spec, schema: Schema) -> Iterator[Breach]:
    """What the spec demands of a sent value, and nobody of ours sees to. One text at least is in every request."""
    for field in SENT:
        found, _ = spec.find(schema, field.path.split("."))
        checker = "_batching.py" if field.path.startswith("inputs") else "options.py"
        for limit in sorted(_LIMITS - {*field.limits}):
            value = (found or {}).get(limit)
            if value and (limit, value) != ("minItems", 1):
                text = f"{limit} is {json.dumps(value)[:80]}, which is not checked before sending"
                yield Breach(f"request {field.path}", text, (checker, CONTRACT, RELIED))


_LIMITS = {"minLength", "maxLength", "pattern", "minItems", "uniqueItems"}


def _providers(names: list[str] | None) -> Iterator[Breach]:
    place, ours = "request model.serviceProvider", tuple(map(str, ServiceProvider))
    if names is None:
        yield Breach(place, "has no list of names any more", ("models.py", CONTRACT))
    elif set(names) != set(ours):
        gone = [f"lost {name}" for name in ours if name not in names]
        come = [f"gained {name}" for name in names if name not in ours]
        yield Breach(place, ", ".join([*gone, *come]), ("models.py", CONTRACT))
    elif tuple(names) != PROVIDERS:
        yield Breach(place, "names in another order, after which the emulator numbers them", (CONTRACT,))


def _never_sent(
    spec: Spec, schema: Schema, path: tuple[str, ...], sent: tuple[Field, ...]
) -> Iterator[Breach]:
    """What an object on the way to a sent field requires beside it."""
    below: dict[str, list[tuple[str, ...]]] = {}
    for field in sent:
        parts = tuple(field.path.split("."))
        if parts[: len(path)] == path and len(parts) > len(path):
            below.setdefault(parts[len(path)], []).append(parts)
    for name in spec.required(schema):
        if name not in below and "[]" not in below:
            yield Breach(f"request {'.'.join((*path, name))}", "is required and never sent", (SEAM, CONTRACT))
    for name in below:
        inner = spec.field(schema, name)
        if inner is not None:
            yield from _never_sent(spec, inner, (*path, name), sent)


def _fields(spec: Spec, schema: Schema, fields: tuple[Field, ...], side: str) -> Iterator[Breach]:
    gone: list[str] = []
    for field in fields:
        if any(field.path.startswith(f"{parent}.") for parent in gone):
            continue
        found, above = spec.find(schema, field.path.split("."))
        if found is None:
            gone.append(field.path)
        yield from _field(spec, field, found, above, side)


def _field(spec: Spec, field: Field, found: Schema | None, above: Schema, side: str) -> Iterator[Breach]:
    place, files = f"{side} {field.path}", (*field.files, RELIED)
    if found is None:
        there = ", ".join(spec.names(above)) or "nothing"
        yield Breach(
            place, f"is gone; it is {'sent' if side == 'request' else 'read'}. There is {there}", files
        )
        return
    types = spec.types(found)
    if field.type not in types if side == "request" else not types <= _READABLE[field.type]:
        yield Breach(place, f"was {field.type}, is {' or '.join(sorted(types))}", files)
    if field.required and field.path.split(".")[-1] not in spec.required(above):
        yield Breach(place, "is no longer required, and an answer without it is refused", files)


_READABLE = {
    "array": {"array"},
    "string": {"string"},
    "integer": {"integer"},
    "number": {"number", "integer"},
}


def _answer(spec: Spec, operation: dict[str, Any]) -> Iterator[Breach]:
    answers = operation.get("responses", {})
    for status in answers:
        if status.startswith("2") and status != "200":
            yield Breach(f"answer {status}", "only 200 is read as success", (ATTEMPT, CONTRACT))
    if "200" not in answers:
        yield Breach("answer 200", "is gone", (ATTEMPT, CONTRACT))
        return
    content = spec.get(answers["200"]).get("content", {})
    if JSON not in content:
        yield Breach(
            "answer 200", f"is read as {JSON}; the spec gives {', '.join(content) or 'nothing'}", (DECODE,)
        )
        return
    yield from _fields(spec, content[JSON].get("schema", {}), READ, "answer")


def _errors(spec: Spec, operation: dict[str, Any]) -> Iterator[Breach]:
    answers = {status: spec.get(answer) for status, answer in operation.get("responses", {}).items()}
    failed = {status: answer for status, answer in answers.items() if not status.startswith("2")}
    if not failed:
        yield Breach("error answers", "are no longer described", ERRORS)
    for status, answer in failed.items():
        schema = answer.get("content", {}).get(JSON, {}).get("schema")
        if schema is not None:
            yield from _fields(spec, schema, ERROR, f"error {status}")


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    path = Path(argv[0]) if argv else ROOT / "openapi.yaml"
    try:
        document = load(path.read_text("utf-8"))
    except (DocumentError, OSError) as error:
        print(f"{path}: {error}", file=sys.stderr)
        return 2
    found = breaches(document)
    print("\n".join(map(str, found)) or "The spec says what the wrapper and the emulator rely on.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
