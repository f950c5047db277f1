"""The hand-written layer against openapi.yaml: what it relies on is there, and what goes is told with field and file."""

import ast
import base64
import copy
import json
import re
import subprocess
import sys

import pytest
from openapi_core.testing import MockRequest, MockResponse

from _relied import AUTH, ERROR, READ, SENT, full_name
from _schema import Spec
from _seam_check import seam_breaches
from inworld_embeddings import EmbeddingClient, ServiceProvider
from inworld_embeddings_emulator import TEST_KEY, Emulator, LocalTransport, Request
from inworld_embeddings_emulator.handle import EMBED_PATH, PROVIDERS, parse
from reliance import ENDPOINT, ROOT, breaches

KEY = base64.b64encode(TEST_KEY.encode()).decode()
BODY = {"inputs": [{"text": "a"}], "model": {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}}


@pytest.fixture
def changed(spec):
    """A copy of the spec to change."""
    return copy.deepcopy(spec)


def operation(spec):
    return spec["paths"][ENDPOINT.path][ENDPOINT.method]


def schemas(spec):
    return spec["components"]["schemas"]


def paths_in(value, prefix=""):
    """The dotted path of everything in a JSON value, `[]` for an item."""
    inside = value.items() if isinstance(value, dict) else ()
    inside = (("[]", item) for item in value) if isinstance(value, list) else inside
    for name, item in inside:
        yield f"{prefix}{name}"
        yield from paths_in(item, f"{prefix}{name}.")


def ask(body=BODY, *, key=KEY):
    headers = {"authorization": f"Basic {key}", "content-type": "application/json"}
    return Emulator().handle(Request("POST", EMBED_PATH, headers, json.dumps(body).encode()))


# The spec says what is relied on, and the tables here say what is relied on.


def test_the_spec_says_what_is_relied_on(spec):
    assert [str(breach) for breach in breaches(spec)] == []
    assert [str(b) for b in seam_breaches(ROOT / "generated/inworld_embeddings_client")] == []


def test_the_program_says_so_too():
    done = subprocess.run([sys.executable, "-B", ROOT / "tools/reliance.py"], capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")


def test_the_table_of_what_is_sent_is_what_the_wrapper_sends():
    sent = []

    class Recorder(LocalTransport):
        async def handle_async_request(self, request):
            sent.append(request)
            return await super().handle_async_request(request)

    with EmbeddingClient(api_key=KEY, transport=Recorder()) as client:
        client.embed(["a", "b"])
    (request,) = sent
    assert (request.method.lower(), request.url.path) == (ENDPOINT.method, ENDPOINT.path)
    assert request.headers["authorization"] == f"Basic {KEY}"
    named = {field.path for field in SENT}
    assert set(paths_in(json.loads(request.content))) - {"inputs.[]"} == named


def test_the_table_of_what_is_read_is_what_the_emulator_answers():
    answer = json.loads(ask().body)
    assert set(paths_in(answer)) - {"embeddings.[]"} == {field.path for field in READ}
    assert set(json.loads(ask(key="b3RoZXI6b3RoZXI=").body)) == {field.path for field in ERROR}


def test_the_files_named_exist_and_name_the_field():
    assert all((ROOT / full_name(file)).exists() for file in AUTH)
    for field in (*SENT, *READ, *ERROR):
        name = [part for part in field.path.split(".") if part != "[]"][-1]
        words = (name, "service_provider") if name == "serviceProvider" else (name,)
        for file in field.files:
            text = (ROOT / full_name(file)).read_text("utf-8")
            assert any(word in text for word in words), f"{file} does not name {name}"


def constants(text):
    """The strings in Python code, docstrings aside."""
    tree = ast.parse(text)
    alone = {id(node.value) for node in ast.walk(tree) if isinstance(node, ast.Expr)}
    return [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant) and id(node) not in alone]


def names_field(path, name):
    """Whether Python code has a string that is this name, or JSON that holds it; or a script such a property."""
    text = path.read_text("utf-8")
    if path.suffix == ".js":
        return re.search(rf"\.{name}\b(?!\()|\b{name}:", text) is not None
    return any(value in (name, name.encode()) or f'"{name}"' in str(value) for value in constants(text))


OTHER_MEANINGS = {
    ("wrapper/inworld_embeddings/_engine/observability.py", "embeddings"),  # an operation, for OpenTelemetry
    ("emulator/inworld_embeddings_emulator/playground/static/results.js", "values"),  # the page's own
    ("emulator/inworld_embeddings_emulator/playground/static/vectors.js", "values"),
}


@pytest.mark.parametrize("name", ["inputs", "serviceProvider", "embeddings", "values"])
def test_every_file_that_names_a_field_is_named(name):
    told = {
        full_name(file) for field in (*SENT, *READ) if name in field.path.split(".") for file in field.files
    }
    found = {
        path.relative_to(ROOT).as_posix()
        for package in ("wrapper/inworld_embeddings", "emulator/inworld_embeddings_emulator")
        for path in (ROOT / package).rglob("*")
        if path.suffix in (".py", ".js") and names_field(path, name)
    }
    assert {file for file in found if (file, name) not in OTHER_MEANINGS} - told == set()


# Whatever goes is named, with the file.


FIELDS = [
    pytest.param(side, field, id=f"{side} {field.path}")
    for side, table in (("request", SENT), ("answer", READ), ("error default", ERROR))
    for field in table
    if not field.path.endswith("[]")
]


def parent_of(spec, side, path):
    """The schema that has a field, in place, and the field's name."""
    described = operation(spec)
    holders = {
        "request": described["requestBody"],
        "answer": described["responses"]["200"],
        "error default": described["responses"]["default"],
    }
    reader, schema = Spec(spec), holders[side]["content"]["application/json"]["schema"]
    *way, name = path.split(".")
    for part in way:
        schema = reader.get(schema)
        schema = schema["items"] if part == "[]" else schema["properties"][part]
    return reader.get(schema), name


@pytest.mark.parametrize(("side", "field"), FIELDS)
def test_a_field_that_is_gone_or_of_another_type_is_named_with_its_files(changed, side, field):
    schema, name = parent_of(changed, side, field.path)
    schema["properties"][name] = {"type": "boolean"}
    other_type = "\n".join(map(str, breaches(changed)))
    schema["properties"]["other"] = schema["properties"].pop(name)
    schema["required"] = [key for key in schema.get("required", ()) if key != name]
    gone = "\n".join(map(str, breaches(changed)))
    assert f"{side} {field.path}: was {field.type}, is boolean" in other_type
    assert f"{side} {field.path}: is gone" in gone
    assert all(full_name(file) in said for file in field.files for said in (other_type, gone))


@pytest.mark.parametrize("path", ["inputs", "model", "model.model"])
def test_a_new_required_field_beside_what_is_sent_is_named(changed, path):
    schema, _ = parent_of(changed, "request", path)
    schema["properties"]["user"] = {"type": "string"}
    schema["required"] = [*schema["required"], "user"]
    (breach,) = breaches(changed)
    assert breach.place == f"request {path.rpartition('.')[0]}{'.' if '.' in path else ''}user"
    assert "required" in breach.text


def test_what_is_relied_on_may_hide_behind_all_of(changed):
    request = schemas(changed)["v1alphaEmbedRequest"]
    reference = request["properties"]["model"].pop("$ref")
    request["properties"]["model"]["allOf"] = [{"$ref": reference}, {"description": "x"}]
    assert breaches(changed) == []
    schemas(changed)["v1alphaModelId"]["required"] = ["model", "serviceProvider", "user"]
    assert [breach.place for breach in breaches(changed)] == ["request model.user"]


def test_a_schema_that_refers_to_itself_is_no_endless_loop(changed):
    schemas(changed)["v1alphaEmbedding"] = {"$ref": "#/components/schemas/v1alphaEmbedding"}
    assert breaches(changed)


def use_put(spec):
    item = spec["paths"][ENDPOINT.path]
    item["put"] = item.pop("post")


def gain_a_scheme(spec):
    spec["components"]["securitySchemes"]["other"] = {"type": "http", "scheme": "bearer"}
    spec["security"] = [{"inworld_basic": [], "other": []}]


EDITS = {
    "security: no key alone": [
        lambda spec: spec.pop("security"),
        lambda spec: operation(spec).update(security=[]),
        gain_a_scheme,
    ],
    "_settings.py": [lambda spec: spec["servers"][0].update(url="https://x.example")],
    "servers: the first is None": [lambda spec: spec.pop("servers")],
    "answer 200: is gone": [lambda spec: operation(spec)["responses"].pop("200")],
    "error answers: are no longer": [lambda spec: operation(spec)["responses"].pop("default")],
    "POST /ml/v1alpha/embedding:embed: is gone; operations there are: PUT": [use_put],
}


@pytest.mark.parametrize("said", EDITS)
def test_what_else_is_relied_on(spec, said):
    for edit in EDITS[said]:
        changed = copy.deepcopy(spec)
        edit(changed)
        assert said in "\n".join(map(str, breaches(changed)))


def test_another_way_in_beside_the_key_is_no_breach(changed):
    changed["components"]["securitySchemes"]["other"] = {"type": "http", "scheme": "bearer"}
    changed["security"].append({"other": []})
    assert breaches(changed) == []


# The emulator, by the same source.


@pytest.mark.parametrize(
    ("body", "key", "status"),
    [
        (BODY, KEY, 200),
        (BODY | {"inputs": "a"}, KEY, 400),
        (BODY, "b3RoZXI6b3RoZXI=", 403),
        (BODY, "", 401),
    ],
)
def test_the_emulators_answers_are_the_specs(contract, body, key, status):
    reply = ask(body, key=key)
    assert reply.status == status
    headers, data = {"authorization": f"Basic {KEY}"}, json.dumps(body).encode()
    request = MockRequest(
        "https://api.inworld.ai",
        "post",
        EMBED_PATH,
        headers=headers,
        data=data,
        content_type="application/json",
    )
    kind = dict(reply.headers)["content-type"]
    contract.validate_response(request, MockResponse(reply.body, reply.status, content_type=kind))


def test_the_emulator_reads_what_the_spec_requires_and_its_providers_by_name_and_number(spec):
    names = schemas(spec)["v1alphaServiceProvider"]["enum"]
    assert list(PROVIDERS) == names == [str(provider) for provider in ServiceProvider]
    for number, name in enumerate(names):
        for value in (name, number):
            message = parse(json.dumps(BODY | {"model": {"model": "m", "serviceProvider": value}}).encode())
            assert (message.texts, message.model, message.provider) == (("a",), "m", number)
