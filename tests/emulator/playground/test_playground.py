"""The layer: what it replies, with which headers, and that everything else is as it was."""

import json
import re
from pathlib import Path

import httpx
import pytest

from inworld_embeddings.models import DEFAULT_MODEL
from inworld_embeddings_emulator import Emulator, EmulatorServer, Request, playground
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.openai_face import OpenAIFace
from inworld_embeddings_emulator.playground import PREFIX, SETTINGS, Playground, page_files

STATIC = Path(playground.__file__).with_name("static")
DOCS = (Path(__file__).parents[3] / "docs" / "use" / "playground.md").read_text("utf-8")
HEADERS = {
    "cache-control": "no-store",
    "content-security-policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
}


@pytest.fixture
def layer():
    emulator = Emulator(named("hash:8"))
    return Playground(emulator, emulator.engine)


def asked(handler, path, method="GET"):
    return handler.handle(Request(method, path, {}, b""))


def test_every_file_in_the_folder_is_served_and_the_page_is_small():
    files = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    assert page_files() == {"/": files.pop("index.html"), **{PREFIX + name: files[name] for name in files}}
    assert sum(map(len, page_files().values())) < 33 * 1024


@pytest.mark.parametrize("path", [*page_files(), "/?from=somewhere", SETTINGS])
def test_every_file_has_the_strict_headers_also_for_head(layer, path):
    reply = asked(layer, path)
    assert asked(layer, path, "HEAD") == reply
    assert (reply.status, bool(reply.body)) == (200, True)
    kinds = {"js": "text/javascript", "css": "text/css", "json": "application/json"}
    kind = kinds.get(path.rpartition(".")[2], "text/html")
    assert dict(reply.headers) == {"content-type": f"{kind}; charset=utf-8", **HEADERS}


@pytest.mark.parametrize(
    "request_line",
    f"""POST / | OPTIONS / | GET // | GET /index.html | GET {PREFIX} | GET {PREFIX}index.html
    | GET {PREFIX}../__init__.py | GET {PREFIX}..%2f__init__.py | POST {SETTINGS}
    | POST /ml/v1alpha/embedding:embed | GET /_emulator/faults | GET /v1/models""".split("|"),
)
def test_everything_else_is_replied_to_as_without_it(request_line):
    method, path = request_line.split()
    inner = OpenAIFace.local(named("hash:8"))
    assert asked(Playground(inner, named("hash:8")), path, method) == asked(inner, path, method)


@pytest.mark.parametrize("key", ["local:local", "planted-key:planted-secret"])
def test_the_settings_name_the_engine_and_of_keys_only_the_published_one(key):
    emulator = Emulator(named("hash:8"), key)
    layer = Playground(emulator, emulator.engine)
    told = json.loads(asked(layer, SETTINGS).body)
    model = {"model": DEFAULT_MODEL, "serviceProvider": "SERVICE_PROVIDER_INWORLD"}
    flags = {"meaning": "", "key": key if key == "local:local" else None, "openai": False, "max_tokens": 128}
    assert told == {"engine": "hash-8", "dimension": 8, "model": model, **flags}
    assert layer.uses_test_key is (key == "local:local")
    assert not any(b"planted" in asked(layer, path).body for path in page_files())


def test_over_a_socket_it_replies_to_its_own_names_only_and_moves_no_script_on(layer):
    with (
        EmulatorServer(layer, faults="status=503, ok") as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert all(client.get(path).status_code == 200 for path in [*page_files(), SETTINGS])
        assert client.get("/", headers={"host": "page.example"}).status_code == 403
        assert server.faults.requests == 0


def test_nothing_is_fetched_from_elsewhere_read_as_html_or_kept():
    html = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser"
    kept = r"localStorage|sessionStorage|indexedDB|document\.cookie|serviceWorker"
    for path, content in page_files().items():
        links = re.findall(rb"\b(?:https?:)?//[\w.]+", re.sub(rb"(?m)^\s*//.*$", b"", content))
        assert set(links) <= {b"http://www.w3.org"}, path  # the name of SVG, not a place
        assert not re.search(f"{html}|{kept}", content.decode()), path
    page = page_files()["/"].decode()  # whose policy forbids scripts and styles inside it
    assert set(re.findall(r'(?:src|href)="(/[^"]*)"', page)) == {f"{PREFIX}style.css", f"{PREFIX}app.js"}


def test_the_docs_name_the_limits():
    limits = dict(re.findall(r"MOST_(\w+) = ([\d_]+);", (STATIC / "request.js").read_text("utf-8")))
    said = f"{limits['TEXTS']} texts and {limits['CHARACTERS'].replace('_', ' ')} characters"
    assert said in DOCS
    assert said in page_files()["/"].decode()
