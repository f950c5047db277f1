"""The hand-written layer against openapi.yaml: what it relies on is there, and what goes is told with field and file."""

import base64
import json

import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings_emulator import TEST_KEY, Emulator, LocalTransport, Request
from tools.spec import reliance
from tools.spec.document import load, resolve

KEY = base64.b64encode(TEST_KEY.encode()).decode()
TABLES = {"request": reliance.SENT, "response": reliance.READ, "error default": reliance.ERROR}


@pytest.fixture
def changed(root):
    """A copy of the spec to change."""
    return load((root / "openapi.yaml").read_text("utf-8"))


def operation(spec):
    return spec["paths"][reliance.ENDPOINT.path][reliance.ENDPOINT.method]


def paths_in(value, prefix=""):
    """The dotted path of everything in a JSON value, `[]` for an item."""
    inside = value.items() if isinstance(value, dict) else ()
    inside = (("[]", item) for item in value) if isinstance(value, list) else inside
    for name, item in inside:
        yield f"{prefix}{name}"
        yield from paths_in(item, f"{prefix}{name}.")


def test_what_is_sent_and_read_is_what_the_wrapper_sends_and_the_emulator_answers():
    exchanges = []

    class Recorder(Emulator):
        def handle(self, request):
            reply = super().handle(request)
            exchanges.append((request, reply))
            return reply

    with EmbeddingClient(api_key=KEY, transport=LocalTransport(Recorder())) as client:
        client.embed(["a", "b"])
    ((request, reply),) = exchanges
    assert (request.method.lower(), request.path) == (reliance.ENDPOINT.method, reliance.ENDPOINT.path)
    assert set(paths_in(json.loads(request.body))) - {"inputs.[]"} == reliance.SENT.keys()
    assert set(paths_in(json.loads(reply.body))) - {"embeddings.[]"} == reliance.READ.keys()
    refused = Recorder().handle(Request("POST", reliance.ENDPOINT.path, {}, b""))
    assert set(json.loads(refused.body)) == reliance.ERROR.keys()


def parent_of(spec, side, path):
    """The schema that has a field, in place, and the field's name."""

    def referred(schema):
        return resolve(spec, schema["$ref"]) if "$ref" in schema else schema

    holders = {**operation(spec)["responses"], "request": operation(spec)["requestBody"]}
    holder = holders[{"response": "200", "error default": "default"}.get(side, side)]
    schema = referred(holder["content"]["application/json"]["schema"])
    *way, name = path.split(".")
    for part in way:
        schema = referred(schema["items"] if part == "[]" else schema["properties"][part])
    return schema, name


@pytest.mark.parametrize(
    ("side", "path"), [(side, path) for side, table in TABLES.items() for path in table if path[-1] != "]"]
)
def test_a_field_that_is_gone_or_of_another_type_is_named_with_its_files(changed, side, path):
    schema, name = parent_of(changed, side, path)
    schema["properties"][name] = {"type": "boolean"}
    other_type = "\n".join(reliance.breaches(changed))
    schema["properties"]["other"] = schema["properties"].pop(name)
    schema["required"] = [key for key in schema.get("required", ()) if key != name]
    gone = "\n".join(reliance.breaches(changed))
    assert f"{side} {path}: was {TABLES[side][path]}, is boolean" in other_type
    assert f"{side} {path}: is gone" in gone
    assert all(file in said for file in reliance.FILES[side.partition(" ")[0]] for said in (other_type, gone))


@pytest.mark.parametrize("path", ["inputs", "model", "model.model"])
def test_a_new_required_field_beside_what_is_sent_is_named(changed, path):
    schema, _ = parent_of(changed, "request", path)
    schema["properties"]["user"] = {"type": "string"}
    schema["required"] = [*schema["required"], "user"]
    (breach,) = reliance.breaches(changed)
    place = f"request {path.rpartition('.')[0]}{'.' if '.' in path else ''}user"
    assert breach.startswith(f"{place}: is required and never sent\n")


def gain_a_scheme(spec):
    spec["components"]["securitySchemes"]["other"] = {"type": "http", "scheme": "bearer"}
    spec["security"] = [{"inworld_basic": [], "other": []}]


def rename_the_content(spec):
    content = operation(spec)["requestBody"]["content"]
    content["application/cbor"] = content.pop("application/json")


SELF = {"$ref": "#/components/schemas/v1alphaEmbedding"}
EDITS = {
    "a schema that is itself": (
        lambda spec: spec["components"]["schemas"].update(v1alphaEmbedding=SELF),
        "response embeddings.[].values: is gone",
    ),
    "two keys": (gain_a_scheme, "security: no key alone"),
    "no key here": (lambda spec: operation(spec).update(security=[]), "security: no key alone"),
    "another address": (lambda spec: spec["servers"][0].update(url="https://x.example"), "_settings.py"),
    "no 200": (
        lambda spec: operation(spec)["responses"].pop("200"),
        "response: is read as application/json; the spec has nothing",
    ),
    "another content type": (
        rename_the_content,
        "request: is sent as application/json; the spec has application/cbor",
    ),
    "another success": (lambda spec: operation(spec)["responses"].update({"202": {}}), "only 200 is read"),
    "no error": (lambda spec: operation(spec)["responses"].pop("default"), "error: responses are no longer"),
    "another method": (
        lambda spec: spec["paths"][reliance.ENDPOINT.path].update(
            put=spec["paths"][reliance.ENDPOINT.path].pop("post")
        ),
        "POST /ml/v1alpha/embedding:embed: is gone; operations there are: PUT",
    ),
}


@pytest.mark.parametrize(("edit", "said"), EDITS.values(), ids=EDITS)
def test_what_else_is_relied_on(changed, edit, said):
    edit(changed)
    assert said in "\n".join(reliance.breaches(changed))
