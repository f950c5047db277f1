"""sync_spec.py: the page's document, verbatim, or a refusal that leaves the file alone."""

import json
import os
import re
import signal
import subprocess
import sys
import time

import pytest
import yaml

import sync_spec
from _document import MAX_BYTES

DOCUMENT = """\
openapi: 3.0.0
info: {title: t, version: v}
servers: [{url: https://api.example.com}]
paths:
  /a/b:do:
    post: {responses: {'200': {description: ok}}}
"""
PARSED = yaml.safe_load(DOCUMENT)


def fenced(text: str = DOCUMENT, info: str = "yaml post /a/b:do", ticks: str = "````") -> str:
    return f"# Title\n\n{ticks}{info}\n{text}{ticks}"


def save(folder, page: str | bytes, name: str = "page.md"):
    path = folder / name
    path.write_bytes(page.encode() if isinstance(page, str) else page)
    return path


def sync(page, out, *more):
    return sync_spec.main([str(page), "--out", str(out), *more])


def test_the_published_page_gives_its_block_verbatim(saved_page, tmp_path):
    lines = saved_page.read_text("utf-8").split("\n")
    first = lines.index("````yaml post /ml/v1alpha/embedding:embed")
    last = lines.index("````")
    assert sync(saved_page, tmp_path / "out.yaml") == 0
    assert (tmp_path / "out.yaml").read_text("utf-8") == "\n".join(lines[first + 1 : last]) + "\n"


def test_the_page_gives_the_project_spec_again(page, root, run_tool, tmp_path):
    out = tmp_path / "openapi.yaml"
    done = run_tool("sync_spec.py", page, "--out", out)
    assert (done.returncode, done.stderr) == (0, "")
    assert out.read_bytes() == (root / "openapi.yaml").read_bytes()


ACCEPTED = {
    "four backticks, no newline at the end": fenced(),
    "three backticks": fenced(ticks="```"),
    "tildes": fenced(ticks="~~~"),
    "five backticks around code of three": fenced(f"{DOCUMENT}# ```bash\n# ````\n", ticks="`````"),
    "file name before the operation": fenced(info="yaml tts/openapi.json post /a/b:do"),
    "file name first of all": fenced(info="openapi.json yaml post /a/b:do"),
    "a name with .yaml": fenced(info="yaml openapi.yaml post /a/b:do"),
    "method in capitals": fenced(info="yaml POST /a/b:do"),
    "no operation in the info string": fenced(info="yaml"),
    "other blocks around": f"```bash\ncurl\n```\n{fenced()}\n\n```yaml\nopenapi: 3.0.0\n```\n",
    "YAML that is no spec beside it": f"```yaml\nkey: value\n```\n{fenced(info='yml')}",
    "an operation named inside another block": f"`````md\n{fenced()}\n`````\n{fenced()}",
    "CRLF": fenced().replace("\n", "\r\n"),
    "byte order mark": f"\ufeff{fenced()}",
    "the document itself": DOCUMENT,
    "the document after comments": f"# comment\n---\n{DOCUMENT}",
    "the document with code in a description": f"{DOCUMENT}x-note: |\n  ```yaml\n  a: b\n  ```\n",
    "HTML in another block": f"```html\n<!DOCTYPE html><html></html>\n```\n{fenced()}",
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_page_is_accepted(text, tmp_path):
    out = tmp_path / "out.yaml"
    assert sync(save(tmp_path, text), out) == 0
    read = yaml.safe_load(out.read_text("utf-8"))
    assert {key: value for key, value in read.items() if key != "x-note"} == PARSED
    assert DOCUMENT in out.read_text("utf-8")


JSON_PAGES = {
    "a JSON file": json.dumps(PARSED),
    "indented by tabs": json.dumps(PARSED, indent="\t"),
    "in a fence": fenced(json.dumps(PARSED) + "\n", info="json"),
    "in a fence with its operation": fenced(json.dumps(PARSED) + "\n", info="json post /a/b:do"),
}


@pytest.mark.parametrize("text", JSON_PAGES.values(), ids=JSON_PAGES)
def test_json_is_written_as_yaml(text, tmp_path):
    out = tmp_path / "out.yaml"
    assert sync(save(tmp_path, text), out) == 0
    assert yaml.safe_load(out.read_text("utf-8")) == PARSED
    assert out.read_text("utf-8").startswith("openapi: 3.0.0\n")
    assert sync(save(tmp_path, text), out, "--check") == 0


BOMB = "x: &a [1, 1, 1, 1, 1, 1, 1, 1]\n" + "".join(
    f"x{n}: &{chr(97 + n)} [{', '.join([f'*{chr(96 + n)}'] * 8)}]\n" for n in range(1, 12)
)
REFUSED = {
    "empty": ("", "found 0"),
    "no fence": ("# Title\n", "found 0"),
    "no spec in the fence": ("```yaml\nopenapi: 3.0.0\n```\n", "found 0"),
    "AsyncAPI": (fenced("asyncapi: 3.0.0\n", info="yaml asyncapi.yaml channel"), "found 0"),
    "two specs": (f"{fenced()}\n\n{fenced()}", "found 2, line 4, line 15"),
    "two specs without operations": (f"{fenced(info='yaml')}\n\n{fenced(info='yaml')}", "found 2"),
    "two YAML documents": (f"{DOCUMENT}---\n{DOCUMENT}", "single document"),
    "cut off": (fenced()[:-4], "never closed"),
    "closed by another count": (fenced()[:-1], "never closed"),
    "HTML": ("<!DOCTYPE html><html><body>Sign in</body></html>", "HTML"),
    "HTML around a good fence": (f"\ufeff\n<html>\n{fenced()}\n</html>", "HTML"),
    "HTML after a comment": (f"<!-- a -->\n<!doctype HTML>\n<html>\n{fenced()}", "HTML"),
    "HTML called YAML": ("openapi: 3.0.0\n<html><body>Sign in</body></html>", "HTML"),
    "a login page in Markdown": ("# Sign in\n\nPlease [sign in](/login) to go on.\n", "found 0"),
    "operation missing from paths": (fenced(info="yaml get /a/other"), "GET /a/other"),
    "method missing from the path": (fenced(info="yaml get /a/b:do"), "GET /a/b:do"),
    "not OpenAPI": (fenced(DOCUMENT.replace("openapi: 3.0.0\n", "")), "no OpenAPI 3"),
    "Swagger": (fenced(DOCUMENT.replace("openapi: 3.0.0", "swagger: '2.0'")), "no OpenAPI 3"),
    "paths is a list": (fenced("openapi: 3.0.0\npaths: []\n"), "no OpenAPI 3"),
    "operation is null": (fenced("openapi: 3.0.0\npaths: {/a/b:do: {post: }}\n"), "no OpenAPI 3"),
    "broken YAML": (fenced("openapi: [3.0.0\n"), "no YAML"),
    "tabs": (fenced(DOCUMENT.replace("    post", "\tpost")), "no YAML"),
    "a template tag": (fenced("openapi: 3.0.0\npaths: !!python/object:os.system {}\n"), "tag"),
    "a key twice": (fenced(f"{DOCUMENT}openapi: 3.0.0\n"), "'openapi' stands twice"),
    "a key twice in JSON": ('{"openapi": "3.0.0", "openapi": "3.0.0", "paths": {}}', "stands twice"),
    "aliases that multiply": (fenced(DOCUMENT + BOMB), "aliases are written out"),
    "an alias in itself": (fenced(f"{DOCUMENT}x-a: &a [*a]\n"), "holds itself"),
    "a merge key": (fenced(f"{DOCUMENT}x-a: {{<<: {{a: b}}}}\n"), "quote it"),
    "deep": (fenced(f"{DOCUMENT}x-a: {'[' * 5000}{']' * 5000}\n"), "deep"),
    "deep in JSON": (f'{{"openapi": "3.0.0", "x": {"[" * 50000}{"]" * 50000}}}', "deep"),
    "huge": (fenced() + "\n" * MAX_BYTES, "bytes"),
    "binary": (bytes(range(256)), "UTF-8"),
    "UTF-16": (fenced().encode("utf-16"), "UTF-8"),
    "NUL bytes": (fenced().replace("Title", "Ti\0tle"), "NUL"),
    "a NUL in the document": (fenced(DOCUMENT.replace("title: t", "title: 't\0'")), "NUL"),
    "not a number": (fenced(f"{DOCUMENT}x-a: .nan\n"), "'.nan'"),
    "a lone surrogate": ('{"openapi": "3.0.0", "x": "\\ud800"}', "JSON cannot carry"),
    "invalid": (fenced(DOCUMENT.replace("info: {title: t, version: v}", "info: {}")), "'title' is a required"),
    "no server": (fenced(DOCUMENT.replace("servers: [{url: https://api.example.com}]\n", "")), "no server"),
    "an http server": (fenced(DOCUMENT.replace("https://api", "http://api")), "no https"),
    "a reference to a file": (
        fenced(f"{DOCUMENT}components: {{schemas: {{A: {{$ref: 'file:///etc/hostname'}}}}}}\n"),
        "outside of the document",
    ),
    "a reference to nothing": (
        fenced(f"{DOCUMENT}components: {{schemas: {{A: {{$ref: '#/components/schemas/B'}}}}}}\n"),
        "not there",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("text", "said"), REFUSED.values(), ids=REFUSED)
def test_page_is_refused_and_the_good_file_kept(text, said, tmp_path, everything, capsys):
    (tmp_path / "out.yaml").write_text(DOCUMENT)
    page = save(tmp_path, text)
    before = everything(tmp_path)
    started = time.process_time()
    assert sync(page, tmp_path / "out.yaml") == 2
    assert time.process_time() - started < 20  # a bomb would take minutes
    error = capsys.readouterr().err
    assert said in error
    assert str(page) in error
    assert everything(tmp_path) == before


def test_a_page_that_is_not_there_is_refused(tmp_path, capsys):
    assert sync(tmp_path / "none.md", tmp_path / "out.yaml") == 2
    assert "none.md" in capsys.readouterr().err
    assert not (tmp_path / "out.yaml").exists()


def test_another_operations_page_does_not_replace_the_spec(tmp_path, capsys):
    out = tmp_path / "out.yaml"
    out.write_text(DOCUMENT)
    other = save(tmp_path, fenced(DOCUMENT.replace("/a/b:do", "/c"), info="yaml post /c"))
    assert sync(other, out) == 2
    assert "lacks POST /a/b:do" in capsys.readouterr().err
    assert out.read_text() == DOCUMENT
    assert sync(other, out, "--replace") == 0
    assert "/c" in out.read_text()


def test_a_page_without_a_successful_answer_does_not_replace_one_that_has_it(tmp_path, capsys):
    out = tmp_path / "out.yaml"
    out.write_text(DOCUMENT)
    failing = save(tmp_path, fenced(re.sub(r"\b200\b", "500", DOCUMENT)))
    assert sync(failing, out) == 2
    assert "lacks a successful answer of POST /a/b:do" in capsys.readouterr().err
    assert out.read_text() == DOCUMENT
    assert sync(failing, out, "--replace") == 0


def test_a_file_that_is_no_spec_is_replaced(tmp_path):
    out = tmp_path / "out.yaml"
    out.write_bytes(b"<html>\xff")
    assert sync(save(tmp_path, fenced()), out) == 0
    assert out.read_text() == DOCUMENT


def test_check_finds_a_difference_and_writes_nothing(tmp_path, capsys):
    out, page = tmp_path / "out.yaml", save(tmp_path, fenced())
    out.write_text(DOCUMENT.replace("title: t", "title: u"))
    assert sync(page, out, "--check") == 1
    assert f"nox -s sync_spec -- {page}" in capsys.readouterr().out
    assert "title: u" in out.read_text()


def test_check_accepts_the_same_document(tmp_path):
    out, page = tmp_path / "out.yaml", save(tmp_path, fenced())
    out.write_bytes(DOCUMENT.replace("\n", "\r\n").encode())
    assert sync(page, out, "--check") == 0


@pytest.mark.skipif(os.name == "nt", reason="signals")
def test_a_kill_at_any_moment_leaves_the_old_file_or_the_new(root, tmp_path, everything):
    out, page = tmp_path / "spec" / "out.yaml", save(tmp_path, fenced(DOCUMENT + "# new\n"))
    out.parent.mkdir()
    command = [sys.executable, "-B", str(root / "tools/sync_spec.py"), str(page), "--out", str(out)]
    started = time.monotonic()
    out.write_text(DOCUMENT)
    subprocess.run(command, check=True, capture_output=True)
    whole = time.monotonic() - started
    for part in range(6):
        out.write_text(DOCUMENT)
        with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as run:
            time.sleep(whole * part / 5)
            run.send_signal(signal.SIGKILL)
        assert out.read_text() in {DOCUMENT, DOCUMENT + "# new\n"}
