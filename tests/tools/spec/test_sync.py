"""From a page to its document, verbatim, or a refusal that leaves openapi.yaml alone; and over HTTP from one host only."""

import pytest

from support.fault import TEXT, answer, head
from support.fault_server import FaultServer
from support.faults import endless
from support.programs import ROOT, unchanged
from tools import ToolError
from tools.spec import sync as program
from tools.spec.sync import fetch

DOCUMENT = """\
openapi: 3.0.0
info: {title: t, version: v}
servers: [{url: https://api.example.com}]
paths:
  /a/b:do:
    post: {responses: {'200': {description: ok}}}
"""


def fenced(text=DOCUMENT, info="yaml post /a/b:do", ticks="````"):
    return f"# Title\n\n{ticks}{info}\n{text}{ticks}"


def save(folder, page):
    (folder / "page.md").write_bytes(page.encode())
    return folder / "page.md"


def sync(page, folder, *more):
    return program.main([str(page), "--out", str(folder / "out.yaml"), *more])


def test_the_page_gives_the_spec_character_for_character(page, tmp_path):
    assert sync(page, tmp_path) == 0
    assert (tmp_path / "out.yaml").read_bytes() == (ROOT / "openapi.yaml").read_bytes()


ACCEPTED = {
    "no operation in the info string": fenced(info="yaml", ticks="~~~"),
    "other blocks around": f"```bash\ncurl\n```\n{fenced()}\n\n```yaml\nopenapi: 3.0.0\n```\n",
    "an operation named inside another block": f"`````md\n{fenced()}\n`````\n{fenced()}",
    "byte order mark and CRLF": f"\ufeff{fenced()}".replace("\n", "\r\n"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_page_is_accepted(text, tmp_path, capsys):
    assert sync(save(tmp_path, text), tmp_path) == 0
    assert DOCUMENT in (tmp_path / "out.yaml").read_text("utf-8")
    assert sync(tmp_path / "page.md", tmp_path) == 0
    assert "is what the page says" in capsys.readouterr().out


REFUSED = {
    "no spec in the fence": ("yaml post /a/b:do\nopenapi:", "yaml\nopen:", "found 0"),
    "cut off": ("ok}}}\n````", "ok}}}\n", "never closed"),
    "operation missing from paths": ("yaml post /a/b:do", "yaml get /a/other", "GET /a/other"),
    "Swagger": ("openapi: 3.0.0", "swagger: '2.0'", "no OpenAPI 3"),
    "invalid": ("{title: t, version: v}", "{}", "'title' is a required"),
    "an http server": ("https://api", "http://api", "no plain https"),
    "a file": (
        "paths:",
        "components: {$ref: 'file:///etc/hostname'}\npaths:",
        "refers to file:///etc/hostname",
    ),
}


@pytest.mark.parametrize(("old", "new", "said"), REFUSED.values(), ids=REFUSED)
def test_page_is_refused_and_the_good_file_kept(old, new, said, tmp_path, capsys):
    (tmp_path / "out.yaml").write_text(DOCUMENT)
    page = save(tmp_path, fenced().replace(old, new))
    with unchanged(tmp_path):
        assert sync(page, tmp_path) == 2
    error = capsys.readouterr().err
    assert said in error
    assert str(page) in error


def test_a_page_that_lacks_an_operation_of_the_file_does_not_replace_it(tmp_path, capsys):
    out, other = tmp_path / "out.yaml", fenced(DOCUMENT.replace("/a/b:do", "/c"), info="yaml post /c")
    out.write_text(DOCUMENT)
    assert sync(save(tmp_path, other), tmp_path) == 2
    assert "lacks POST /a/b:do" in capsys.readouterr().err
    assert out.read_text() == DOCUMENT
    assert sync(tmp_path / "page.md", tmp_path, "--replace") == 0
    assert out.read_text() != DOCUMENT


# Over HTTP; the servers are on loopback.

NO_PAGES = {
    "text/html": answer("login", 200, b"", [("Content-Type", "text/html")]),
    "HTTP 404": "ok",
    "moved to https://a.example/": answer("moved", 302, b"", [("Location", "https://a.example/")]),
    "over 1000 bytes": answer("long", 200, b"x" * 5000, [TEXT]),
    "no whole response in time": endless("drips", head(200, [("Content-Length", "9999")]), b"x", 0.01),
}


@pytest.mark.parametrize("said", NO_PAGES)
def test_what_is_no_page_is_refused(said):
    with FaultServer(NO_PAGES[said]) as server, pytest.raises(ToolError, match=said):
        fetch(f"{server.url}/page.md", timeout=0.3, limit=1000)


def test_other_addresses_are_never_asked():
    for url in ("http://docs.example.com/page.md", "file:///etc/hostname", "https://user:secret@a.example/b"):
        with pytest.raises(ToolError, match="address"):
            fetch(url)


def test_sync_takes_an_address(page, tmp_path, capsys):
    with FaultServer([answer("page", 200, page.read_bytes(), [TEXT]), "ok"]) as server:
        assert [sync(f"{server.url}/page.md", tmp_path) for _ in range(2)] == [0, 2]
    assert (tmp_path / "out.yaml").read_bytes() == (ROOT / "openapi.yaml").read_bytes()
    assert f"{server.url}/page.md" in capsys.readouterr().err
