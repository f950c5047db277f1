"""The layer: what it replies, with which headers, that everything else is as it was, and where its files come from."""

import json
import re
import subprocess
import sys
import zipfile
from pathlib import Path

import httpx
import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import Emulator, EmulatorServer, Request, playground
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.openai_face import OpenAIFace
from inworld_embeddings_emulator.playground import PREFIX, SETTINGS, Playground, page_files
from support.programs import serve

ROOT = Path(__file__).parents[3]
STATIC = Path(playground.__file__).with_name("static")
DOCS = (ROOT / "docs" / "playground.md").read_text("utf-8")
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
EMBED = "/ml/v1alpha/embedding:embed"


@pytest.fixture
def page(emulator):
    return Playground(emulator, emulator.engine)


def asked(handler, path, method="GET", body=b"", **headers):
    return handler.handle(Request(method, path, headers, body))


def test_every_file_in_the_folder_is_served_and_the_page_is_small():
    files = {path.name: path.read_bytes() for path in STATIC.iterdir()}
    assert page_files() == {"/": files.pop("index.html"), **{PREFIX + name: files[name] for name in files}}
    assert sum(map(len, page_files().values())) < 40 * 1024


@pytest.mark.parametrize("path", [*page_files(), "/?from=somewhere", SETTINGS])
def test_every_file_has_the_strict_headers_and_head_is_get_without_the_body(page, path):
    head, reply = asked(page, path, "HEAD"), asked(page, path)
    assert (head.status, head.headers, head.body) == (200, reply.headers, b"")
    assert reply.body
    kind = {"js": "text/javascript", "css": "text/css", "json": "application/json"}
    expected = kind.get(path.partition("?")[0].rpartition(".")[2], "text/html")
    assert dict(reply.headers) == {
        "content-type": f"{expected}; charset=utf-8",
        "cache-control": "no-store",
        "content-security-policy": POLICY,
        "cross-origin-resource-policy": "same-origin",
        "referrer-policy": "no-referrer",
        "x-content-type-options": "nosniff",
    }


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/"),
        ("OPTIONS", "/"),
        ("GET", "//"),
        ("GET", "/index.html"),
        ("GET", PREFIX),
        ("GET", f"{PREFIX}index.html"),
        ("GET", f"{PREFIX}../__init__.py"),
        ("GET", f"{PREFIX}..%2f__init__.py"),
        ("POST", SETTINGS),
        ("POST", EMBED),
        ("GET", "/_emulator/faults"),
        ("GET", "/v1/models"),
    ],
)
@pytest.mark.parametrize("openai", [False, True])
def test_everything_else_is_replied_to_as_without_it(emulator, openai, method, path):
    inner = OpenAIFace.local(emulator.engine) if openai else emulator
    layer = Playground(inner, emulator.engine)
    assert asked(layer, path, method) == asked(inner, path, method)


@pytest.mark.parametrize("options", [{}, {"built_in": True, "chaos": True}])
def test_the_settings_name_the_engine_and_the_published_key(emulator, options):
    told = json.loads(asked(Playground(emulator, emulator.engine, **options), SETTINGS).body)
    flags = {"builtIn": options.get("built_in", False), "chaos": options.get("chaos", False)}
    assert told == {"engine": "hash-8", "dimension": 8, "key": "local:local", **flags}


def test_a_key_of_its_own_is_told_to_nobody():
    emulator = Emulator(named("hash:8"), "planted-key:planted-secret")
    layer = Playground(emulator, emulator.engine)
    assert json.loads(asked(layer, SETTINGS).body)["key"] is None
    assert not layer.uses_test_key
    assert not any(b"planted" in asked(layer, path).body for path in page_files())


def test_over_a_socket_it_replies_to_its_own_names_only_and_moves_no_script_on(page):
    with (
        EmulatorServer(page, faults="status=503, ok") as server,
        httpx.Client(base_url=server.url) as client,
    ):
        assert all(client.get(path).status_code == 200 for path in [*page_files(), SETTINGS])
        assert client.get("/", headers={"host": "page.example"}).status_code == 403
        assert server.faults.requests == 0


def test_nothing_is_fetched_from_elsewhere_inline_read_as_html_or_kept():
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|eval\(|new Function|setTimeout\(['\"]"
    kept = r"localStorage|sessionStorage|indexedDB|document\.cookie|serviceWorker"
    for path, content in page_files().items():
        text = content.decode()
        links = re.findall(r"\b(?:https?:)?//[\w.]+", re.sub(r"^\s*//.*$", "", text, flags=re.MULTILINE))
        assert set(links) <= {"http://www.w3.org"}, path  # the name of SVG, not a place
        assert not re.search(f"{forbidden}|{kept}", text), path
    html = page_files()["/"].decode()
    assert re.findall(r"<script[^>]*>(.*?)</script>", html, re.DOTALL) == [""]
    assert not re.search(r"<style|\sstyle=|\son\w+=|javascript:", html)
    assert set(re.findall(r'(?:src|href)="(/[^"]*)"', html)) == {f"{PREFIX}style.css", f"{PREFIX}app.js"}


FROM_ZIP = """
import inworld_embeddings_emulator
from inworld_embeddings_emulator import Emulator, playground
from inworld_embeddings_emulator.engines import named
assert ".zip" in inworld_embeddings_emulator.__file__, inworld_embeddings_emulator.__file__
page = playground.Playground(Emulator(), named("hash:8"))
print(sum(map(len, playground.page_files().values())))
"""


@pytest.mark.parametrize("missing", [None, "app.js"])
def test_the_files_are_found_in_a_zip_and_a_missing_one_is_named(tmp_path, missing):
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as packed:
        for folder in ("generated", "wrapper", "emulator"):
            for path in (ROOT / folder).rglob("*"):
                if path.is_file() and "__pycache__" not in path.parts and path.name != missing:
                    packed.write(path, path.relative_to(ROOT / folder))
    path = f"import sys; sys.path.insert(0, {str(tmp_path / 'all.zip')!r})"
    done = subprocess.run(
        [sys.executable, "-c", path + FROM_ZIP], capture_output=True, text=True, cwd=tmp_path, env={}
    )
    if missing:
        assert "The playground's file app.js is missing" in done.stderr
    else:
        assert done.stdout == f"{sum(map(len, page_files().values()))}\n", done.stderr


def test_a_file_that_is_missing_on_disk_is_named(monkeypatch):
    page_files.cache_clear()
    monkeypatch.setattr(playground, "_NAMES", ("index.html", "gone.js"))
    with pytest.raises(ConfigurationError, match=r"file gone\.js is missing .* --no-playground"):
        page_files()


def test_serve_shows_it_or_not():
    for option, lines in (("--chaos", 6), ("--no-playground", 3)):
        with serve(option) as program:
            printed = [program.stdout.readline() for _ in range(lines)]
            url = printed[0].split()[-1]
            shown = f"Playground: {url}/\n" in printed
            with httpx.Client(base_url=url) as client:
                replies = [client.get(path).status_code for path in ("/?private", SETTINGS)]
            program.terminate()
            log = program.communicate(timeout=20)[1]
        assert (shown, replies) == ((True, [200, 200]) if option == "--chaos" else (False, [404, 404]))
        assert "private" not in log


def test_the_page_in_the_docs_tells_the_truth():
    [code] = re.findall(r"```python\n(.*?)```", DOCS, re.DOTALL)
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert re.fullmatch(r"http://127\.0\.0\.1:\d+\n", done.stdout), done.stderr
    limits = dict(re.findall(r"MOST_(\w+) = ([\d_]+);", (STATIC / "request.js").read_text("utf-8")))
    said = f"{limits['TEXTS']} texts and {limits['CHARACTERS'].replace('_', ' ')} characters"
    assert said in DOCS
    assert said in page_files()["/"].decode()
