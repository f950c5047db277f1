"""What docs/maintain/spec-changes.md says of a new request field is enough, and all of it: done here as it says, on a copy."""

import json
import re
import shutil

import pytest

from support.programs import ROOT, copy_of_inputs, edit, run_with
from tools.generate.package import write
from tools.spec.document import load
from tools.spec.reliance import _USE

SECTION = (ROOT / "docs/maintain/spec-changes.md").read_text("utf-8").partition("## A new request field")[2]
OPTION, DESCRIPTION, *_ = re.findall(r"```(?:python)?\n(    .*?\n)```\n", SECTION, re.DOTALL)

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


def test_the_lines_of_the_docs_offer_it_in_two_files(tmp_path):
    spec = load((ROOT / "openapi.yaml").read_text("utf-8"))
    fields = spec["components"]["schemas"]["v1alphaEmbedRequest"]["properties"]
    if "dimensions" in fields:
        pytest.skip("the spec has it: take another name, here and in the docs")
    fields["dimensions"] = {"type": "integer", "format": "int32"}
    project = copy_of_inputs(tmp_path / "project")
    (project / "openapi.yaml").write_text(json.dumps(spec), "utf-8")
    write(project)
    wrapper = shutil.copytree(ROOT / "wrapper", project / "wrapper")
    for name, lines, place in (
        ("options.py", OPTION, "\n\nclass ProgressOptions("),
        ("client.py", DESCRIPTION, "        api_key: The portal's"),
    ):
        edit(wrapper / "inworld_embeddings" / name, place, lines + place)
    done = run_with([project / "generated", wrapper, ROOT / "emulator"], USE)
    assert "use dimensions=" in done.stdout, done.stderr
    assert run_with([], _USE, project / "generated", wrapper).returncode == 0
    gone_again = run_with([], _USE, ROOT / "generated", wrapper)
    assert (gone_again.returncode != 0, "'dimensions'" in gone_again.stderr) == (True, True)
