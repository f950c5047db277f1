"""Every change the spec may make: rated right, generated or refused, typed, and survived by the wrapper or told."""

import copy
import functools
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from support.programs import ROOT, copy_of_inputs, run_with
from tools import ToolError
from tools.generate.fixtures import derive
from tools.generate.package import write
from tools.spec.changes import worst
from tools.spec.document import expanded, load, resolve
from tools.spec.python_surface import surface_changes, surface_of, surface_of_package
from tools.spec.reliance import PACKAGE, breaches, endpoint_breaches
from tools.spec.wire import wire_changes

NAME = Path(PACKAGE).name
EVERY = os.environ.get("EVOLUTION") == "1"
SIDES = ("address:", "security:", "the spec wants", "header", "request", "another order", "response", "error")
"""How what `breaches` says begins, or what a case quotes of it; the rest is said of the generated package."""

PROBE = """
import json, sys
from pathlib import Path
from inworld_embeddings import EmbeddingClient
from inworld_embeddings._settings import emulator_credential
from inworld_embeddings_emulator import Emulator, LocalTransport
from inworld_embeddings_client import AuthenticatedClient, EmbedRequest, EmbedResponse, embed
made = []
class Logged(Emulator):
    def handle(self, request):
        reply = super().handle(request)
        made.append([request.method, request.path, dict(request.headers), request.body.decode(), reply.status, reply.body.decode()])
        return reply
key = emulator_credential().reveal()
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
print(json.dumps(made))
"""


def merged(target, patch):
    """The target with an RFC 7396 merge patch in it."""
    if not isinstance(patch, dict):
        return patch
    target = target if isinstance(target, dict) else {}
    changed = {key: merged(target.get(key), value) for key, value in patch.items() if value is not None}
    return {key: value for key, value in target.items() if key not in patch or key in changed} | changed


def moved(target, renames):
    """The target with keys renamed, in place of the ones there were."""
    if isinstance(renames, str) or not renames:
        return target
    return {
        (renames[key] if isinstance(renames.get(key), str) else key): moved(value, renames.get(key))
        for key, value in target.items()
    }


def extract(spec, source, target):
    """Puts what a pointer leads to into the components, and a reference in its place."""
    owner, _, key = source.rpartition("/")
    kind, name = target.split("/")
    spec["components"].setdefault(kind, {})[name] = resolve(spec, owner)[key]
    resolve(spec, owner)[key] = {"$ref": f"#/components/{target}"}


def read(path):
    """A case, with the spec as it is and as it would be."""
    told = yaml.safe_load(path.read_text("utf-8"))
    old = load((ROOT / "openapi.yaml").read_text("utf-8"))
    new = moved(copy.deepcopy(old), told.get("move"))
    for target, source in told.get("extract", {}).items():
        extract(new, source, target)
    return SimpleNamespace(name=path.stem, told=told, old=old, new=merged(new, told["change"]))


CASES = [read(path) for path in sorted((Path(__file__).parent / "cases").glob("*.yaml"))]


CHOSEN = [case for case in CASES if EVERY or case.told.get("short")]
GENERATED = [case for case in CASES if "generates" not in case.told]


@pytest.fixture(params=CHOSEN, ids=lambda case: case.name)
def case(request):
    """A case; one that has come true is skipped, and its file can go."""
    if request.param.new == request.param.old:
        pytest.skip("the spec already says so")
    return request.param


surface_now = functools.cache(lambda: surface_of_package(ROOT / PACKAGE))
FIXTURES = derive(CASES[0].old).keys()


@pytest.mark.skipif(not (EVERY or shutil.which("redocly")), reason="needs redocly: nox -s evolution")
def test_the_change_on_the_wire_is_rated(case):
    found = wire_changes(case.old, case.new)
    assert str(worst(found)) == case.told["wire"], [f"{change.impact} {change}" for change in found]
    if "said" in case.told and case.told["python"] == "none":
        assert case.told["said"] in "\n".join(map(str, found))


@pytest.mark.parametrize("case", GENERATED, ids=lambda case: case.name)
def test_what_the_wrapper_relies_on_is_told_with_its_place_and_files(case):
    """Every case, without generating."""
    said, told = "\n".join(breaches(case.new)), case.told.get("wrapper", [])
    assert told or not said
    if any(expected.startswith(SIDES) for expected in told):
        assert [expected for expected in told if expected not in said] == [], said


def test_the_pipeline(case, tmp_path, tmp_path_factory):
    project = copy_of_inputs(tmp_path / "project")
    (project / "openapi.yaml").write_text(json.dumps(case.new), "utf-8")
    messages = generated(case, project)
    there = not messages
    messages += [*breaches(case.new), *endpoint_breaches(project / PACKAGE)]
    said = "\n".join(messages)
    assert bool(messages) == bool(case.told.get("wrapper")), said
    for expected in case.told.get("wrapper", ()):
        assert expected in said
    if there:
        use = f"import httpx\nfrom {NAME} import *\n{case.told.get('use', '')}"
        path = [project / "generated", ROOT / "wrapper", ROOT / "emulator"]
        done = run_with(path, use if messages else use + PROBE, ROOT / "tests/fixtures/spec/requests")
        assert done.returncode == 0, done.stderr
    if there and EVERY:
        cache = tmp_path_factory.getbasetemp() / "mypy"
        mypy = [sys.executable, "-m", "mypy", "--strict", "--config-file=", "--cache-dir", cache, NAME]
        typed = subprocess.run(mypy, cwd=project / "generated", capture_output=True, text=True)
        assert typed.returncode == 0, typed.stdout
    if not messages:
        assert derive(case.new).keys() == FIXTURES or case.told["wire"] != "cosmetic"
        as_the_spec_says(case.new, json.loads(done.stdout))


def generated(case, project):
    """Generates, rates the change in Python, and returns what the generation was refused with, if it was."""
    messages = []
    try:
        write(project)
    except ToolError as error:
        messages = [str(error)]
    assert (case.told.get("generates") or "") in "".join(messages)
    assert bool(messages) == ("generates" in case.told), messages
    try:  # what the diff takes needs no overrides
        made = (
            surface_of_package(project / PACKAGE) if not messages else surface_of(json.dumps(case.new), ROOT)
        )
    except ToolError:  # nothing can be generated at all
        assert case.told["python"] == "breaking"
        return messages
    found = surface_changes(surface_now(), made)
    assert case.told.get("said", "") in "\n".join(map(str, found)) or case.told["python"] == "none"
    assert str(worst(found)) == case.told["python"], [f"{change.impact} {change}" for change in found]
    return messages


def as_the_spec_says(spec, exchanges):
    """What the wrapper sent over the changed package and the emulator answered; openapi-core judges by the changed spec."""
    spec = expanded(spec)  # openapi-core takes a media type with a charset for another one
    contract, json_type = OpenAPI.from_dict(spec), {"content_type": "application/json"}
    for method, path, headers, body, status, answer in exchanges:
        sent = {"headers": headers, "data": body.encode(), **json_type}
        request = MockRequest("https://api.inworld.ai", method.lower(), path, **sent)
        contract.validate_request(request)
        contract.validate_response(request, MockResponse(answer.encode(), status))
