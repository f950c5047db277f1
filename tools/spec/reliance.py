"""What the hand-written layer relies on in openapi.yaml, and where it stands.

The wrapper and the emulator say in their own words what the spec says in its. This holds the two against each other and
names the field and the files of ours that have to change.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from inworld_embeddings._settings import DEFAULT_BASE_URL
from inworld_embeddings.models import ServiceProvider
from inworld_embeddings.options import CALL
from inworld_embeddings_emulator.handle import EMBED_PATH, PROVIDERS
from tools.spec.document import JSON, Found, Operation, Schema, addresses, expanded, fields, operations_of

ROOT = Path(__file__).resolve().parents[2]
WRAPPER = "wrapper/inworld_embeddings"
EMULATOR = "emulator/inworld_embeddings_emulator"
PACKAGE = "generated/inworld_embeddings_client"
ENDPOINT = Operation("post", EMBED_PATH)

FILES = {
    "address": (f"{WRAPPER}/_settings.py",),
    "operation": (f"{EMULATOR}/handle.py", f"{EMULATOR}/playground/static/api.js"),
    "security": (f"{WRAPPER}/auth.py", "templates/client.py.jinja"),
    "request": (
        *(f"{WRAPPER}/{name}.py" for name in ("_api", "_batching", "options", "models")),
        f"{EMULATOR}/handle.py",
        "tools/spec/reliance.py",
    ),
    "response": (
        *(f"{WRAPPER}/{name}.py" for name in ("_decoding", "_engine/attempt")),
        *(f"{EMULATOR}/{name}" for name in ("handle.py", "faults/kinds.py", "playground/static/api.js")),
        "tools/spec/reliance.py",
    ),
    "error": (f"{WRAPPER}/_error_mapping.py", f"{EMULATOR}/messages.py", "tools/spec/reliance.py"),
    "generated": ("generator-config.yaml", f"{WRAPPER}/_api.py", f"{WRAPPER}/options.py"),
}
"""What speaks of each side, and may have to change with it."""

SENT = {
    "inputs": "array",
    "inputs.[].text": "string",
    "model": "object",
    "model.model": "string",
    "model.serviceProvider": "string",
}
"""Everything a request holds, with its type; a test holds it against what the wrapper sends."""

READ = {"embeddings": "array", "embeddings.[].values": "array", "embeddings.[].values.[]": "number"}
"""Everything that is read of a good response; a test holds it against what the emulator answers."""

ERROR = {"code": "integer", "message": "string", "details": "array"}
"""Everything that is read of an error's body."""


def breach(place: str, text: str) -> str:
    """Say what the spec no longer says: of which side and place of it, and the files that have to change."""
    return f"{place}: {text}\n  to change: {', '.join(FILES[place.split(maxsplit=1)[0]])}"


def breaches(document: dict[str, Any]) -> list[str]:
    """Return what the wrapper and the emulator rely on and the spec no longer says; nothing if all is well."""
    operations = operations_of(document)
    if ENDPOINT not in operations:
        there = ", ".join(sorted(map(str, operations))) or "none"
        return [breach(f"operation {ENDPOINT}", f"is gone; operations there are: {there}")]
    spec = expanded(document)
    item = spec["paths"][ENDPOINT.path]
    operation = item[ENDPOINT.method]
    return [
        *_address(spec, item, operation),
        *_security(spec, operation),
        *_request(item, operation),
        *_response(operation.get("responses", {})),
    ]


def endpoint_breaches(package: Path) -> list[str]:
    """Return what `_api.py` takes from a generated package, and the package does not have in the form it is used in."""
    command = [sys.executable, "-B", "-c", _USE, str(package.parent), str(ROOT / "wrapper")]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines()[-1]
        return [breach("generated package", f"cannot be used any more: {said}")]
    text = "hands on `{}`, which `envelope` does not send"
    return [breach("generated endpoint", text.format(key)) for key in done.stdout.split()]


_USE = """
import sys
sys.path[:0] = sys.argv[1:]
from inworld_embeddings import _api
from inworld_embeddings.options import CALL
model = _api.ModelId(model="m", service_provider=_api.ServiceProvider("SERVICE_PROVIDER_INWORLD"))
_api.EmbedRequest(inputs=[], model=model, **{name: None for name, option in CALL.items() if option.field})
print(*(_api.embed.request_kwargs(body=_api.EmbedRequest(inputs=[], model=model)).keys() - _api.TAKEN))
"""


def _address(spec: Schema, item: Schema, operation: Schema) -> Iterator[str]:
    if (url := next(iter(addresses(spec)), None)) != DEFAULT_BASE_URL:
        yield breach("address", f"the first server is {url}, DEFAULT_BASE_URL is {DEFAULT_BASE_URL}")
    if "servers" in item or "servers" in operation:
        yield breach("address", "the operation has servers of its own, which the generated client ignores")


def _security(spec: Schema, operation: Schema) -> Iterator[str]:
    wanted = (spec | operation).get("security", [])
    schemes = spec.get("components", {}).get("securitySchemes", {})
    alone = [schemes.get(name, {}) for one in wanted if len(one) == 1 for name in one]
    header = ("apiKey", "header", "authorization")
    ours = [one for one in alone if (one.get("type"), one.get("in"), str(one.get("name")).lower()) == header]
    if not alone:
        yield breach("security", "no key alone opens the operation")
    elif not ours:
        found = ", ".join(f"{s.get('type')} {s.get('scheme') or s.get('name')}" for s in alone)
        yield breach("security", f"the key goes into the header Authorization; the spec wants {found}")
    elif not any("basic" in str(scheme.get("description", "")).lower() for scheme in ours):
        yield breach("security", "the header's value no longer has the form `Basic {credentials}`")


def _request(item: Schema, operation: Schema) -> Iterator[str]:
    for parameter in [*item.get("parameters", []), *operation.get("parameters", [])]:
        if parameter.get("required"):
            name = f"request {parameter.get('in')} parameter {parameter.get('name')}"
            yield breach(name, "is required and never sent")
    found = fields(_schema(operation.get("requestBody", {})))
    yield from _side(found, operation.get("requestBody", {}), SENT, "request")
    for path in [path for path in SENT if path in found]:
        yield from _limits(path, found[path].schema)
    if provider := found.get("model.serviceProvider"):
        yield from _providers(provider.schema.get("enum"))


def _limits(path: str, schema: Schema) -> Iterator[str]:
    """What the spec demands of a sent value, and nobody of ours sees to. One text at least is in every request."""
    for limit in ("minLength", "maxLength", "pattern", "minItems", "uniqueItems", "enum"):
        value = schema.get(limit)
        if value and (limit, value) != ("minItems", 1) and path != "model.serviceProvider":
            text = f"{limit} is {json.dumps(value)[:80]}, which is not checked before sending"
            yield breach(f"request {path}", text)
    most, batch = schema.get("maxItems"), CALL["batch_size"].default
    if most is not None and most < batch:
        yield breach(f"request {path}", f"at most {most} in one request, batch_size is {batch}")


def _providers(names: list[str] | None) -> Iterator[str]:
    place, ours = "request model.serviceProvider", [*map(str, ServiceProvider)]
    if names is None:
        yield breach(place, "has no list of names any more")
    elif set(names) != set(ours):
        gone = [f"lost {name}" for name in ours if name not in names]
        come = [f"gained {name}" for name in names if name not in ours]
        yield breach(place, ", ".join([*gone, *come]))
    elif tuple(names) != PROVIDERS:
        yield breach(place, "names in another order, after which the emulator numbers them")


def _response(responses: Schema) -> Iterator[str]:
    for status, response in responses.items():
        if not status.startswith("2"):
            if _schema(response) or any(kind.endswith("+json") for kind in response.get("content", ())):
                yield from _side(fields(_schema(response)), response, ERROR, f"error {status}")
        elif status != "200":
            yield breach(f"response {status}", "only 200 is read as success")
    if all(status.startswith("2") for status in responses):
        yield breach("error", "responses are no longer described")
    found, values = fields(_schema(responses.get("200", {}))), "embeddings.[].values"
    yield from _side(found, responses.get("200", {}), READ, "response")
    if values in found and not found[values].required:
        yield breach(f"response {values}", "is no longer required, and a response without it is refused")


def _schema(holder: Schema) -> Schema:
    """The schema of a request or a response, empty if it is not JSON."""
    return dict(holder.get("content", {}).get(JSON, {}).get("schema", {}))


def _side(found: dict[str, Found], holder: Schema, relied: dict[str, str], side: str) -> Iterator[str]:
    """The fields that are gone, are new and required, or have another type: what is read must be nothing else."""
    use, kinds = "sent" if side == "request" else "read", holder.get("content", {})
    if JSON not in kinds:
        yield breach(side, f"is {use} as {JSON}; the spec has {', '.join(kinds) or 'nothing'}")
        return
    for path, kind in relied.items():
        parent = path.rpartition(".")[0]
        if path in found:
            types = found[path].types
            readable = {"number", "integer"} if kind == "number" else {kind}
            if kind not in types if side == "request" else not types <= readable:
                yield breach(f"{side} {path}", f"was {kind}, is {' or '.join(sorted(types))}")
        elif not parent or parent in found:
            beside = [other for other in found if other.rpartition(".")[0] == parent]
            there = ", ".join(other.rpartition(".")[2] for other in beside) or "nothing"
            yield breach(f"{side} {path}", f"is gone; it is {use}. There is {there}")
    parents = {path.rpartition(".")[0] for path in relied}
    for path, field in found.items():
        one_sided = field.schema.get("readOnly" if use == "sent" else "writeOnly")
        if field.required and not one_sided and path not in relied and path.rpartition(".")[0] in parents:
            yield breach(f"{side} {path}", "is required and never sent")
