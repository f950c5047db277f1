"""The layer and its headers; and the page's pure functions under Node.js, compared with Python's and run."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient, InworldEmbeddingsError
from inworld_embeddings.chunking import surely_longer
from inworld_embeddings.models import DEFAULT_MODEL
from inworld_embeddings.ranking import rank
from inworld_embeddings_emulator import Emulator, EmulatorServer, Request, playground
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.openai_face import OpenAIFace
from inworld_embeddings_emulator.playground import PREFIX, SETTINGS, Playground, page_files

STATIC = Path(playground.__file__).with_name("static")
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}
ENGINE = named("hash:8")
INNER = OpenAIFace.local(ENGINE)
LAYER = Playground(INNER, ENGINE)


def asked(path, method="GET", handler=LAYER):
    """The reply to a request without a key."""
    return handler.handle(Request(method, path, {}, b""))


def test_every_file_in_the_folder_is_served_and_the_page_is_small():
    files = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    assert page_files() == {"/": files.pop("index.html"), **{PREFIX + name: files[name] for name in files}}
    assert sum(map(len, page_files().values())) < 33 * 1024


@pytest.mark.parametrize("path", [*page_files(), "/?from=somewhere", SETTINGS])
def test_every_file_has_the_strict_headers_also_for_head(path):
    reply = asked(path)
    assert (asked(path, "HEAD"), reply.status, bool(reply.body)) == (reply, 200, True)
    kinds = {"js": "text/javascript", "css": "text/css", "json": "application/json"}
    kind = kinds.get(path.rpartition(".")[2], "text/html")
    assert dict(reply.headers) == {"content-type": f"{kind}; charset=utf-8", **HEADERS}


ELSEWHERE = f"""POST / | GET // | GET /index.html | GET {PREFIX} | GET {PREFIX}../__init__.py | POST {SETTINGS}
    | POST /ml/v1alpha/embedding:embed | GET /_emulator/faults | GET /v1/models"""


@pytest.mark.parametrize("line", ELSEWHERE.split("|"))
def test_everything_else_is_replied_to_as_without_it(line):
    method, path = line.split()
    assert asked(path, method) == asked(path, method, INNER)


@pytest.mark.parametrize("key", ["local:local", "planted-key:planted-secret"])
def test_the_settings_name_the_engine_and_of_keys_only_the_published_one(key):
    layer, known = Playground(Emulator(ENGINE, key), ENGINE), key == "local:local"
    model = {"model": DEFAULT_MODEL, "serviceProvider": "SERVICE_PROVIDER_INWORLD"}
    flags = {"meaning": "", "key": key if known else None, "openai": False, "max_tokens": 128}
    told = json.loads(asked(SETTINGS, handler=layer).body)
    assert told == {"engine": "hash-8", "dimension": 8, "model": model, **flags}
    assert layer.uses_test_key is known


def test_nothing_is_fetched_from_elsewhere_read_as_html_kept_or_moving():
    html = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser"
    kept = r"localStorage|sessionStorage|indexedDB|document\.cookie|serviceWorker"
    for path, content in page_files().items():
        links = re.findall(rb"\b(?:https?:)?//[\w.]+", re.sub(rb"(?m)^\s*//.*$", b"", content))
        assert set(links) <= {b"http://www.w3.org"}, path  # the name of SVG, not a place
        assert not re.search(f"{html}|{kept}|transition:|animation:", content.decode()), path


# The page's functions.

NASTY = [
    """it's "quoted" \\ and \\n $HOME `id` $(id) !! % * ; & | < >""",
    "日本語 🙂 \u2028 \u2029 \x7f \u00a0 \ufeff",
    *("@file", "'''", '"""', "{x}", "<img src=x onerror=alert(1)>"),
]


@pytest.fixture(scope="module")
def js(tmp_path_factory):
    """What a module's function returns: ``js("results.rank", a, b)``."""
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed")
    folder = shutil.copytree(STATIC, tmp_path_factory.mktemp("page") / "modules")
    (folder / "package.json").write_text('{"type": "module"}')

    def call(function, *arguments):
        module, name = function.split(".")
        made = f"{name}({', '.join(map(json.dumps, arguments))}) ?? null"
        code = f"import {{ {name} }} from './{module}.js'; console.log(JSON.stringify({made}));"
        command = ["node", "--input-type=module", "-e", code]
        done = subprocess.run(command, cwd=folder, capture_output=True, encoding="utf-8")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    return call


def test_similarities_and_ranking_are_pythons(js):
    query, *vectors = np.random.default_rng(5).normal(size=(21, 64)).tolist()
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(js("results.similarities", vectors), unit @ unit.T, atol=1e-12)
    found = [(entry["index"], entry["score"]) for entry in js("results.rank", query, vectors)]
    np.testing.assert_allclose(found, rank(np.array(query), np.array(vectors)), atol=1e-6)


LENGTHS = [("a " * 4, 4), ("a " * 5, 4), ("w" * 32, 2), ("w" * 33, 2), ("w" * 200, 7), ("🙂" * 20, 2)]


@pytest.mark.parametrize(
    ("function", "given", "expected"),
    [
        ("request.textsOf", ["a\n\n  b \r\n\tc"], {"texts": ["a", "b", "c"], "left": 0}),
        ("request.textsOf", ["\n".join(["a"] * 60)], {"texts": ["a"] * 50, "left": 10}),
        ("request.textsOf", ["a\n" + "b" * 50_000 + "\nc"], {"texts": ["a"], "left": 2}),
        ("request.linkOf", [["é" * 6000], ""], None),
        *(("request.linked", [nothing], None) for nothing in ("", "#query=1", "#texts=" + "w" * 32_000)),
        ("results.scaleOf", [[[1, 0.2, 0.5], [0.2, 1, -0.1], [0.5, -0.1, 1]]], [-0.1, 0.5]),
        *(("api.credential", [key], "bG9jYWw6bG9jYWw=") for key in ("local:local", " bG9jYWw6bG9jYWw= ")),
        ("api.checked", ['{"embeddings": [{"values": [1, 2]}]}', 1, 2], [[1, 2]]),
        *(("request.surelyLonger", [text, most], surely_longer(text, most)) for text, most in LENGTHS),
    ],
    ids=lambda value: repr(value)[:40],
)
def test_what_is_read_and_made(js, function, given, expected):
    assert js(function, *given) == expected


WRONG = {
    "[": "not JSON",
    "{}": "no list of embeddings",
    '[{"values": [1, 2]}]': "2 texts were sent, 1 vectors came back",
    '[{"values": [1, 2]}, {"values": [1]}]': "Vector 2 has 1 dimensions",
    '[{"values": [1, 1e999]}, {"values": [1, 2]}]': "Vector 1 has parts",
}


@pytest.mark.parametrize("rows", WRONG)
def test_a_wrong_response_is_never_shown(js, rows):
    with pytest.raises(AssertionError, match=WRONG[rows]):
        js("api.checked", f'{{"embeddings": {rows}}}', 2, 2)


SCRIPT = (STATIC / "request.js").read_text("utf-8")
FAULTS = dict(re.findall(r'(?m)^  \["[^"]+", "([^"]+)", "(.+)"\],$', SCRIPT))


@pytest.mark.parametrize("fault", FAULTS)
def test_the_lesson_of_a_fault_is_what_the_client_does(fault):
    raised, timeout = [], 0.5 if "latency" in fault else 60
    first = "ok, " if "dimension" in fault else ""  # which the client learns from a first response
    script = first + fault.replace("after=2", "after=100")  # fails at once
    try:
        with EmbeddingClient.local(faults=script, timeout=timeout, engine=named("hash:16")) as client:
            client.embed(["a", "b", "c", "d"], batch_size=2 if first else 4, max_concurrency=1)
    except InworldEmbeddingsError as error:
        raised = [type(error).__name__]
    assert (re.findall(r"\w+Error", FAULTS[fault]), len(FAULTS)) == (raised, 10)


PROGRAMS = {  # what runs each, and what shows its vectors
    "curl": (["sh", "-c"], ""),  # written for a POSIX shell
    "python": ([sys.executable, "-W", "error", "-c"], "print(result.vectors.tolist())"),
    "node": (["node", "--input-type=module", "-e"], "console.log(JSON.stringify({ embeddings }))"),
    "openai": ([sys.executable, "-c"], "print([entry.embedding for entry in response.data])"),
}


@pytest.mark.parametrize("fault", ["", "latency=1ms"])
@pytest.mark.parametrize("name", PROGRAMS)
def test_each_program_runs_whatever_the_texts_and_shows_no_key_of_ones_own(js, name, fault):
    command, show = PROGRAMS[name]
    if name == "curl" and not shutil.which(name):
        pytest.skip("curl is not installed")
    if name == "openai":
        pytest.importorskip("openai")
    engine, model = named("hash:8"), {"model": "any", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}
    with EmulatorServer(OpenAIFace.local(engine)) as served:
        request = {"base": served.url, "key": "local:local", "fault": fault, "texts": NASTY, "model": model}
        program = js(f"code.{name}", request)
        utf8 = os.environ | {"PYTHONIOENCODING": "utf-8"}
        shown = subprocess.check_output([*command, program + show], env=utf8, encoding="utf-8")
    found = json.loads(shown.splitlines()[-1])
    rows = [row["values"] for row in found["embeddings"]] if "embeddings" in found else found
    np.testing.assert_array_equal(np.array(rows, "f4"), np.array(engine.embed(NASTY), "f4"))
    assert "".join(part for _, part in js("code.highlighted", program)) == program
    program = js(f"code.{name}", request | {"base": "u", "key": None})
    assert ("INWORLD_API_KEY" in program, "local" in program) == (True, False)
