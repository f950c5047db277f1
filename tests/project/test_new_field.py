"""What docs/maintain/spec-changes.md says of a new request field is enough, and all of it: done here as it says, on a copy."""

import json
import re
import shutil
from pathlib import Path

import pytest

from support.programs import copy_of_inputs, run_with
from tools.generate.package import write
from tools.spec.document import load
from tools.spec.reliance import _USE

ROOT = Path(__file__).resolve().parents[2]
WRAPPER = Path("wrapper/inworld_embeddings")
SECTION = (ROOT / "docs/maintain/spec-changes.md").read_text("utf-8").partition("## A new request field")[2]
OPTION, DESCRIPTION = re.findall(
    r"```(?:python)?\n(    .*?\n)```\n", SECTION.partition("\n## ")[0], re.DOTALL
)
BEFORE = [
    ("options.py", OPTION, "\n\nclass ProgressOptions("),
    ("client.py", DESCRIPTION, "        api_key: The portal's"),
]

USE = """
import json, httpx
from inworld_embeddings import EmbeddingClient

sent = []
def answer(request):
    sent.append(request.content)
    return httpx.Response(200, json={"embeddings": [{"values": [0.5]}]})

client = EmbeddingClient(api_key="a2V5OnNlY3JldA==", transport=httpx.MockTransport(answer))
client.embed("a")
client.embed("a", dimensions=256)
assert b"dimensions" not in sent[0]
assert json.loads(sent[1])["dimensions"] == 256
assert client.plan(["a"], dimensions=256).bytes == len(sent[1])
assert "dimensions: Length of the vectors." in EmbeddingClient.__doc__
try:
    client.embed("a", extra_body={"dimensions": 8})
except ValueError as error:
    print(error)
"""


@pytest.fixture
def project(tmp_path):
    """A copy with the changed spec, generated anew."""
    spec = load((ROOT / "openapi.yaml").read_text("utf-8"))
    fields = spec["components"]["schemas"]["v1alphaEmbedRequest"]["properties"]
    if "dimensions" in fields:
        pytest.skip("the spec has it: take another name, here and in the docs")
    fields["dimensions"] = {"type": "integer", "format": "int32"}
    project = copy_of_inputs(ROOT, tmp_path / "project")
    shutil.copytree(ROOT / "wrapper", project / "wrapper", ignore=shutil.ignore_patterns("__pycache__"))
    (project / "openapi.yaml").write_text(json.dumps(spec), "utf-8")
    write(project)
    return project


def test_the_lines_of_the_docs_offer_it_in_two_files(project):
    for name, lines, place in BEFORE:
        path = project / WRAPPER / name
        text = path.read_text("utf-8")
        assert text.count(place) == 1
        path.write_text(text.replace(place, lines + place), "utf-8")
    done = run_with([project / "generated", project / "wrapper", ROOT / "emulator"], USE)
    assert "use dimensions=" in done.stdout, done.stderr
    for generated, lost in ((project, ""), (ROOT, "'dimensions'")):  # the second one: the field is gone again
        done = run_with([], _USE, generated / "generated", project / "wrapper")
        assert (done.returncode != 0) == bool(lost)
        assert lost in done.stderr
