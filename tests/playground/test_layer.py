"""The layer: what it answers, with which headers, and that everything else is as it was."""

import json
import re

import httpx
import pytest

from inworld_embeddings_emulator import Emulator, EmulatorServer, Request
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.openai_face import OpenAIFace
from inworld_embeddings_emulator.playground import Playground
from inworld_embeddings_emulator.playground.files import PREFIX, SETTINGS, files

POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
EMBED = "/ml/v1alpha/embedding:embed"
GOOD_KEY = "Basic bG9jYWw6bG9jYWw="


def asked(handler, path, method="GET", body=b"", **headers):
    return handler.handle(Request(method, path, headers, body))


def test_the_paths_are_these():
    names = "api app dom faults heatmap lines map roving search snippets vectors"
    expected = {PREFIX + name for name in ["style.css", *(f"{name}.js" for name in names.split())]}
    assert set(files()) == {"/", *expected}


@pytest.mark.parametrize("path", [*files(), "/?from=somewhere", SETTINGS])
def test_every_file_has_the_strict_headers(playground, path):
    reply = asked(playground, path)
    headers = dict(reply.headers)
    kind = {"js": "text/javascript", "css": "text/css", "json": "application/json"}
    expected = kind.get(path.partition("?")[0].rpartition(".")[2], "text/html")
    assert (reply.status, headers.pop("content-type")) == (200, f"{expected}; charset=utf-8")
    assert headers == {
        "cache-control": "no-store",
        "content-security-policy": POLICY,
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


@pytest.mark.parametrize("path", ["/", f"{PREFIX}app.js", SETTINGS])
def test_head_is_get_without_the_body(playground, path):
    head, get = asked(playground, path, "HEAD"), asked(playground, path)
    assert (head.status, head.headers, head.body) == (get.status, get.headers, b"")
    assert get.body


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("DELETE", "/"),
        ("OPTIONS", "/"),
        ("GET", "//"),
        ("GET", "/index.html"),
        ("GET", "/favicon.ico"),
        ("GET", PREFIX),
        ("GET", PREFIX.rstrip("/")),
        ("GET", f"{PREFIX}index.html"),
        ("GET", f"{PREFIX}../__init__.py"),
        ("GET", f"{PREFIX}..%2f__init__.py"),
        ("GET", f"{PREFIX}nothing.js"),
        ("POST", SETTINGS),
        ("GET", EMBED),
        ("GET", "/_emulator/faults"),
        ("GET", "/v1/models"),
    ],
)
@pytest.mark.parametrize("openai", [False, True])
def test_everything_else_is_answered_as_without_it(emulator, openai, method, path):
    inner = OpenAIFace.local(emulator.engine) if openai else emulator
    layer = Playground(inner, emulator.engine)
    assert asked(layer, path, method) == asked(inner, path, method)


@pytest.mark.parametrize(
    ("key", "body"),
    [(GOOD_KEY, b'{"inputs":[{"text":"a"}]}'), ("Basic eA==", b""), (None, b"{}"), (GOOD_KEY, b"[")],
)
def test_the_api_is_as_it_was(emulator, playground, key, body):
    headers = {"authorization": key} if key else {}
    assert asked(playground, EMBED, "POST", body, **headers) == asked(
        emulator, EMBED, "POST", body, **headers
    )


@pytest.mark.parametrize("options", [{}, {"built_in": True}, {"chaos": True}])
def test_the_settings_name_the_engine_and_the_published_key(emulator, options):
    told = json.loads(asked(Playground(emulator, emulator.engine, **options), SETTINGS).body)
    assert told == {
        "engine": "hash-8",
        "dimension": 8,
        "builtIn": options.get("built_in", False),
        "chaos": options.get("chaos", False),
        "key": "local:local",
    }


def test_a_key_of_its_own_is_told_to_nobody():
    emulator = Emulator(named("hash:8"), "planted-key:planted-secret")
    layer = Playground(emulator, emulator.engine)
    assert json.loads(asked(layer, SETTINGS).body)["key"] is None
    assert not layer.uses_test_key
    assert not any(b"planted" in asked(layer, path).body for path in files())


def test_over_a_socket_it_answers_to_its_own_names_only(playground):
    with EmulatorServer(playground) as server, httpx.Client(base_url=server.url) as client:
        page = client.get("/")
        assert (page.status_code, page.headers["content-length"]) == (200, str(len(page.content)))
        assert client.get("/", headers={"host": "page.example"}).status_code == 403
        assert client.get(SETTINGS, headers={"host": "page.example"}).status_code == 403
        assert client.get(PREFIX + "x").json() == {"code": 5, "message": "Not Found", "details": []}


def test_a_served_emulator_of_a_test_has_no_page(emulator):
    with EmulatorServer(emulator) as server:
        assert httpx.get(f"{server.url}/").status_code == 404


def test_a_script_of_faults_is_not_moved_on_by_the_page(playground):
    with EmulatorServer(playground, faults="status=503, ok") as server:
        for path in files():
            assert httpx.get(server.url + path).status_code == 200
        assert server.faults.requests == 0


def test_the_page_is_small(static):
    assert sum(path.stat().st_size for path in static.iterdir()) < 40 * 1024


def test_every_file_in_the_folder_is_served(static):
    assert len(list(static.iterdir())) == len(files())


def test_nothing_is_fetched_from_elsewhere_and_nothing_is_inline():
    for path, content in files().items():
        text = content.decode()
        links = re.findall(r"\b(?:https?:)?//[\w.]+", re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
        assert set(links) <= {"http://www.w3.org"}, path  # the name of SVG, not a place
    page = files()["/"].decode()
    assert re.findall(r"<script[^>]*>(.*?)</script>", page, re.DOTALL) == [""]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", page)
    assert set(re.findall(r'(?:src|href)="(/[^"]*)"', page)) == {f"{PREFIX}style.css", f"{PREFIX}app.js"}


def test_no_module_reads_html_or_keeps_anything():
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function|setTimeout\(['\"]"
    kept = r"localStorage|sessionStorage|indexedDB|document\.cookie|serviceWorker"
    for path, content in files().items():
        assert not re.search(f"{forbidden}|{kept}", content.decode()), path
