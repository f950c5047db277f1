"""Every change the spec may make: rated right, generated or refused, typed, and survived by the wrapper or told."""

import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from support.programs import mypy_strict
from tools.generate.inputs import GenerateError
from tools.generate.package import write
from tools.spec.changes import worst
from tools.spec.python_surface import surface_changes, surface_of, surface_of_package
from tools.spec.reliance import PACKAGE, breaches, endpoint_breaches
from tools.spec.wire import wire_changes

ROOT = Path(__file__).resolve().parents[2]
NAME = Path(PACKAGE).name
EVERY = os.environ.get("EVOLUTION") == "1"

PROBE = """
import json, sys
from pathlib import Path
from inworld_embeddings import APIStatusError, EmbeddingClient
from inworld_embeddings._settings import emulator_credential
from inworld_embeddings_emulator import Emulator, LocalTransport
from inworld_embeddings_client import AuthenticatedClient, EmbedRequest, EmbedResponse, embed
made = []
class Logged(Emulator):
    def handle(self, request):
        reply = super().handle(request)
        made.append([request.method, request.path, dict(request.headers), request.body.decode(), reply.status, reply.body.decode()])
        return reply
key, other = emulator_credential().reveal(), "b3RoZXI6b3RoZXI="
transport = LocalTransport(Logged())
for file in sorted(Path(sys.argv[1]).glob("*.json")):
    body = json.loads(file.read_text("utf-8"))["body"]
    texts = [entry["text"] for entry in body["inputs"]]
    with EmbeddingClient(api_key=key, transport=transport) as client:
        vectors = client.embed(texts).vectors
    with AuthenticatedClient(token=key, httpx_args={"transport": transport}) as client:
        parsed = embed.sync(client=client, body=EmbedRequest.from_dict(body))
    assert isinstance(parsed, EmbedResponse)
    assert [len(one.values) for one in parsed.embeddings] == [vectors.shape[1]] * len(texts)
try:
    with EmbeddingClient(api_key=other, transport=transport, max_retries=0) as client:
        client.embed("a")
except APIStatusError as error:
    assert error.status_code == 403
print(json.dumps(made))
"""


@functools.cache
def surface_now():
    return surface_of_package(ROOT / PACKAGE)


@pytest.mark.skipif(not (EVERY or shutil.which("redocly")), reason="needs redocly: nox -s evolution")
def test_the_change_on_the_wire_is_rated(case):
    found = wire_changes(case.old, case.new)
    assert str(worst(found)) == case.told["wire"], [f"{change.impact} {change}" for change in found]
    if "said" in case.told and case.told["python"] == "none":
        assert case.told["said"] in "\n".join(map(str, found))


def test_the_pipeline(case, project, mypy_cache):
    messages = generated(case, project)
    if not messages:
        used(project, case.told.get("use", ""))
        if EVERY:
            typed(project, mypy_cache)
    messages += map(str, breaches(case.new))
    messages += map(str, endpoint_breaches(project / PACKAGE))
    said = "\n".join(messages)
    assert bool(messages) == bool(case.told.get("wrapper")), said
    for expected in case.told.get("wrapper", ()):
        assert expected in said
    if not messages:
        survived(case, project)


def generated(case, project):
    """Generates, rates the change in Python, and returns what the generation was refused with, if it was."""
    messages = []
    try:
        write(project)
        surface = surface_of_package(project / PACKAGE)
    except GenerateError as error:
        messages = [str(error)]
        surface = lenient(case)
    assert (case.told.get("generates") or "") in "".join(messages)
    assert bool(messages) == ("generates" in case.told), messages
    impact = "breaking"
    if surface is not None:
        found = surface_changes(surface_now(), surface)
        impact = str(worst(found))
        assert case.told.get("said", "") in "\n".join(map(str, found)) or case.told["python"] == "none"
        assert impact == case.told["python"], [f"{change.impact} {change}" for change in found]
    assert impact == case.told["python"]
    return messages


def lenient(case):
    """The surface as diff_spec.py takes it, which needs no overrides; None if nothing can be generated at all."""
    try:
        return surface_of(json.dumps(case.new), ROOT)
    except GenerateError:
        return None


def run(program, *arguments, project, more=()):
    path = os.pathsep.join([str(project / "generated"), *more])
    environment = {"PYTHONPATH": path, "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], env=environment, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def used(project, program):
    run(f"import httpx\nfrom {NAME} import *\n{program}", project=project)


def typed(project, cache):
    done = mypy_strict(NAME, cwd=project / "generated", cache=cache)
    assert done.returncode == 0, done.stdout


def survived(case, project):
    """The wrapper over the changed package and the emulator; openapi-core judges by the changed spec."""
    fixtures = ROOT / "tests/fixtures/spec/requests"
    made = json.loads(
        run(PROBE, str(fixtures), project=project, more=[str(ROOT / "wrapper"), str(ROOT / "emulator")])
    )
    assert {exchange[4] for exchange in made} == {200, 403}
    contract = OpenAPI.from_dict(case.new)
    for method, path, headers, body, status, answer in made:
        request = MockRequest(
            "https://api.inworld.ai",
            method.lower(),
            path,
            headers=headers,
            data=body.encode(),
            content_type="application/json",
        )
        contract.validate_request(request)
        contract.validate_response(request, MockResponse(answer.encode(), status))
