"""The next versions of the spec: each regenerates without a hand edit, imports, and is strictly typed."""

import subprocess
import sys

import pytest
import yaml

PACKAGE = "inworld_embeddings_client"


def new_optional_field(spec):
    spec["components"]["schemas"]["v1alphaEmbedRequest"]["properties"]["truncate"] = {"type": "boolean"}


def new_enum_value(spec):
    spec["components"]["schemas"]["v1alphaServiceProvider"]["enum"].insert(1, "SERVICE_PROVIDER_AZURE")


def new_endpoint(spec):
    schema = {"type": "object", "properties": {"models": {"type": "array", "items": {"type": "string"}}}}
    answer = {"description": "ok", "content": {"application/json": {"schema": schema}}}
    name = {"name": "name", "in": "path", "required": True, "schema": {"type": "string"}}
    size = {"name": "pageSize", "in": "query", "schema": {"type": "integer"}}
    spec["paths"]["/ml/v1alpha/{name}/models"] = {
        "get": {
            "tags": ["EmbeddingService"],
            "operationId": "EmbeddingService_ListModels",
            "parameters": [name, size],
            "security": [{"inworld_basic": []}],
            "responses": {"200": answer},
        }
    }


def date_time_field(spec):
    schema = {"type": "string", "format": "date-time"}
    spec["components"]["schemas"]["v1alphaEmbedResponse"]["properties"]["createTime"] = schema


def nullable_and_number_enums(spec):
    properties = spec["components"]["schemas"]["v1alphaEmbedResponse"]["properties"]
    properties["level"] = {"type": "integer", "enum": [2, 1]}
    properties["providers"] = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/v1alphaServiceProvider"},
    }
    properties["note"] = {"type": "string", "nullable": True}


def hostile_text(spec):
    text = 'a"""; import os; os.abort()\n"\\{{ 7 * 7 }}{% raw %}'
    spec["components"]["schemas"]["v1alphaServiceProvider"]["description"] = text
    spec["components"]["schemas"]["v1alphaEmbedResponse"]["properties"][text] = {
        "type": "string",
        "description": text,
    }
    spec["info"]["title"] = text


MUTATIONS = {
    new_optional_field: """
request = EmbedRequest(inputs=[], model=ModelId(model="m", service_provider=ServiceProvider("S")), truncate=True)
assert request.to_dict()["truncate"] is True
""",
    new_enum_value: """
assert [member.name[17:] for member in ServiceProvider] == ["UNSPECIFIED", "AZURE", "INWORLD", "OPENAI"]
""",
    new_endpoint: """
from inworld_embeddings_client import list_models
seen = []
def reply(request):
    seen.append(str(request.url))
    return httpx.Response(200 if len(seen) == 1 else 404, json={"models": ["a"]})
client = Client(httpx_args={"transport": httpx.MockTransport(reply)})
assert list_models.sync("a/b", client=client, page_size=3).models == ["a"]
assert seen == ["https://api.inworld.ai/ml/v1alpha/a%2Fb/models?pageSize=3"]
try:
    list_models.sync("a", client=client)
except UnexpectedStatus as error:
    assert error.status_code == 404
else:
    raise AssertionError
assert embed.sync_raw
""",
    date_time_field: """
import datetime
answer = EmbedResponse.from_dict({"createTime": "2026-01-02T03:04:05.123456789Z"})
assert answer.create_time == datetime.datetime(2026, 1, 2, 3, 4, 5, 123456, datetime.UTC)
assert EmbedResponse.from_dict({"createTime": None}).create_time is UNSET
""",
    nullable_and_number_enums: """
data = {"level": 7, "providers": ["SERVICE_PROVIDER_NEW"], "note": None}
answer = EmbedResponse.from_dict(data)
assert answer.to_dict() == data and answer.note is None and answer.level == 7
assert [int(level) for level in type(answer.level)] == [2, 1]
assert EmbedResponse.from_dict({"providers": None}).providers == []
""",
    hostile_text: """
assert "os.abort()" in ServiceProvider.__doc__ and "{{ 7 * 7 }}" in ServiceProvider.__doc__
""",
}


@pytest.mark.parametrize(
    ("mutate", "program"), MUTATIONS.items(), ids=lambda value: getattr(value, "__name__", "")
)
def test_a_mutated_spec_regenerates(project, run_tool, tmp_path, mutate, program):
    spec = yaml.safe_load((project / "openapi.yaml").read_text("utf-8"))
    mutate(spec)
    (project / "openapi.yaml").write_text(yaml.safe_dump(spec, sort_keys=False, allow_unicode=True), "utf-8")
    done = run_tool("generate.py", "--root", project)
    assert done.returncode == 0, done.stderr

    environment = {"PYTHONPATH": str(project / "generated"), "PYTHONDONTWRITEBYTECODE": "1"}
    program = f"import httpx\nfrom {PACKAGE} import *\n{program}"
    used = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert used.returncode == 0, used.stderr

    mypy = [
        sys.executable,
        "-m",
        "mypy",
        "--strict",
        "--config-file=",
        "--cache-dir",
        str(tmp_path / "cache"),
    ]
    typed = subprocess.run(
        [*mypy, PACKAGE], cwd=project / "generated", capture_output=True, text=True, check=False
    )
    assert typed.returncode == 0, typed.stdout
