"""The page's pure functions under Node.js, compared with numpy and run as what they say they are."""

import json
import os
import re
import shutil
import subprocess
import sys

import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient, InworldEmbeddingsError
from inworld_embeddings.chunking import surely_longer
from inworld_embeddings.ranking import rank
from inworld_embeddings_emulator import EmulatorServer
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.openai_face import OpenAIFace
from inworld_embeddings_emulator.playground import PREFIX, page_files

NASTY = [
    """it's "quoted" \\ and \\n $HOME `id` $(id) !! % * ; & | < >""",
    "日本語 🙂 \u2028 \u2029 \x7f \u00a0 \ufeff",
    *("@file", "'''", '"""', "{x}", "<img src=x onerror=alert(1)>"),
]


RUNNER = """
import { createInterface } from "node:readline";
for await (const line of createInterface({ input: process.stdin })) {
  const [module, name, given] = JSON.parse(line);
  const call = async () => ({ back: (await import(`./${module}.js`))[name](...given) });
  console.log(JSON.stringify(await call().catch((error) => ({ error: String(error) }))));
}
"""


@pytest.fixture(scope="module")
def js(tmp_path_factory):
    """What a module's function returns: ``js("results.rank", a, b)``. One Node.js makes all calls."""
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("modules")
    for path, content in page_files().items():
        (folder / (path.rpartition("/")[2] or "index.html")).write_bytes(content)
    (folder / "package.json").write_text('{"type": "module"}')
    (folder / "runner.js").write_text(RUNNER)
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "encoding": "utf-8"}
    with subprocess.Popen(["node", folder / "runner.js"], **pipes) as node:

        def call(function, *arguments):
            print(json.dumps([*function.split("."), arguments]), file=node.stdin, flush=True)
            said = json.loads(node.stdout.readline())
            assert "error" not in said, said["error"]
            return said.get("back")

        yield call
        node.stdin.close()


@pytest.mark.parametrize("shape", [(2, 3), (3, 768), (50, 64)], ids=str)
def test_similarities_and_ranking_are_pythons(js, shape):
    query, *vectors = np.random.default_rng(5).normal(size=(shape[0] + 1, shape[1])).tolist()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(js("results.similarities", vectors), unit @ unit.T, atol=1e-12)
    expected, found = rank(np.array(query), np.array(vectors)), js("results.rank", query, vectors)
    assert [entry["index"] for entry in found] == [index for index, _ in expected]
    scores = [[entry["score"] for entry in found], [score for _, score in expected]]
    np.testing.assert_allclose(*scores, atol=1e-6)


def test_the_box_is_bounded_and_says_so(js):
    for value, texts, left in (
        ("", [], 0),
        ("a\n\n  b \r\n\tc", ["a", "b", "c"], 0),
        ("\n".join(map(str, range(60))), [str(n) for n in range(50)], 10),
        ("a\n" + "b" * 49_999, ["a", "b" * 49_999], 0),
        ("a\n" + "b" * 50_000 + "\nc", ["a"], 2),
    ):
        found = js("request.textsOf", value)
        assert found == {"texts": texts, "left": left}
        assert (f"{left} left out" in js("request.counted", found)) is (left > 0)


def test_the_colours_go_over_the_pairs_and_a_long_text_is_one_to_the_client_too(js):
    assert js("results.scaleOf", [[1, 0.2, 0.5], [0.2, 1, -0.1], [0.5, -0.1, 1]]) == [-0.1, 0.5]
    assert js("results.scaleOf", [[1]]) == [0, 1]
    for text in ("a " * 128, "a " * 129, ("w" * 99 + " ") * 20, ("w" * 99 + " ") * 21, "日本 " * 200):
        assert js("request.surelyLonger", text, 128) == surely_longer(text, 128)


def test_a_link_holds_texts_and_query_and_has_an_end(js):
    link = js("request.linkOf", NASTY, "q & a")
    assert js("request.linked", link) == {"texts": "\n".join(NASTY), "query": "q & a"}
    assert js("request.linkOf", ["é" * 6000], "") is None
    for nothing in ("", "#", "#query=1", f"#texts={'w' * 32_000}"):
        assert js("request.linked", nothing) is None


SOURCE = page_files()[f"{PREFIX}request.js"].decode()
FAULTS = re.findall(r'^  \["[^"]+", "([^"]+)", "(.+)"\],$', SOURCE, re.MULTILINE)


@pytest.mark.parametrize(("fault", "lesson"), FAULTS, ids=[fault for fault, _ in FAULTS])
def test_the_lesson_of_a_fault_is_what_the_client_does(fault, lesson):
    raised = []
    first = "ok, " if "dimension" in fault else ""  # which the client learns from a first response
    timeout, fault = 0.5 if "latency" in fault else 60, fault.replace("after=2", "after=100")  # fails at once
    try:
        with EmbeddingClient.local(faults=first + fault, timeout=timeout, engine=named("hash:16")) as client:
            client.embed(["a", "b", "c", "d"], batch_size=2 if first else 4, max_concurrency=1)
    except InworldEmbeddingsError as error:
        raised = [type(error).__name__]
    assert re.findall(r"\w+Error", lesson) == raised
    assert len(FAULTS) == 10


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        ("[", "not JSON"),
        ("{}", "no list of embeddings"),
        ('[{"values": [1, 2]}]', "2 texts were sent, 1 vectors came back"),
        ('[{"values": [1, 2]}, {"values": [1]}]', "Vector 2 has 1 dimensions"),
        ('[{"values": [1, 1e999]}, {"values": [1, 2]}]', "Vector 1 has parts"),
        ('[null, {"values": [1, 2]}]', "Vector 1 has parts"),
    ],
)
def test_a_wrong_answer_is_never_shown(js, rows, said):
    with pytest.raises(AssertionError, match=said):
        js("api.checked", f'{{"embeddings": {rows}}}', 2, 2)


def test_a_good_answer_is_and_a_key_is_taken_plain_and_in_base64(js):
    assert js("api.checked", '{"embeddings": [{"values": [1, 2]}]}', 1, 2) == [[1, 2]]
    for key in ("local:local", " bG9jYWw6bG9jYWw= "):
        assert js("api.credential", key) == "bG9jYWw6bG9jYWw="


PROGRAMS = {  # what runs each, and what shows its vectors
    "curl": (["sh", "-c"], ""),  # written for a POSIX shell
    "python": ([sys.executable, "-W", "error", "-c"], "print(result.vectors.tolist())"),
    "node": (["node", "--input-type=module", "-e"], "console.log(JSON.stringify(embeddings))"),
    "openai": ([sys.executable, "-c"], "print([entry.embedding for entry in response.data])"),
}
MODEL = {"model": "any", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}


@pytest.mark.parametrize("fault", ["", "latency=1ms"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_runs_whatever_the_texts(js, name, fault):
    command, show = PROGRAMS[name]
    if name == "curl" and not shutil.which(name):
        pytest.skip("curl is not installed")
    if name == "openai":
        pytest.importorskip("openai")
    engine = named("hash:8")
    path = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}
    with EmulatorServer(OpenAIFace.local(engine)) as served:
        request = {"base": served.url, "key": "local:local", "fault": fault, "texts": NASTY, "model": MODEL}
        program = js(f"code.{name}", request)
        pipes = {"capture_output": True, "encoding": "utf-8"}
        done = subprocess.run([*command, program + show], env={**os.environ, **path}, **pipes)
    assert done.returncode == 0, done.stderr
    shown = json.loads(done.stdout.splitlines()[-1])
    vectors = shown if isinstance(shown, list) else shown["embeddings"]
    vectors = [entry["values"] if isinstance(entry, dict) else entry for entry in vectors]
    np.testing.assert_array_equal(np.array(vectors, "f4"), np.array(engine.embed(NASTY), "f4"))
    assert "".join(part for _, part in js("code.highlighted", program)) == program


@pytest.mark.parametrize("name", PROGRAMS)
def test_a_key_of_ones_own_is_in_none(js, name):
    program = js(f"code.{name}", {"base": "u", "texts": [], "key": None, "fault": "drop", "model": MODEL})
    assert "INWORLD_API_KEY" in program
    assert "local" not in program
