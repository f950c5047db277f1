"""extract_spec.py: the page's document, verbatim, or a refusal that leaves the file alone."""

import pytest
import yaml

DOCUMENT = "openapi: 3.0.0\ninfo: {title: t, version: v}\npaths:\n  /a/b:do:\n    post: {responses: {}}\n"


def fenced(text: str = DOCUMENT, info: str = "yaml post /a/b:do", ticks: str = "````") -> str:
    return f"# Title\n\n{ticks}{info}\n{text}{ticks}"


def save(folder, text: str):
    path = folder / "page.md"
    path.write_bytes(text.encode())
    return path


def test_the_project_spec_is_the_pages_block_verbatim(page, root):
    lines = page.read_text("utf-8").split("\n")
    first = lines.index("````yaml post /ml/v1alpha/embedding:embed")
    last = lines.index("````")
    assert (root / "openapi.yaml").read_text("utf-8") == "\n".join(lines[first + 1 : last]) + "\n"


def test_extracting_the_page_again_gives_the_project_spec(page, root, run_tool, tmp_path):
    out = tmp_path / "openapi.yaml"
    assert run_tool("extract_spec.py", page, "--out", out).returncode == 0
    assert out.read_bytes() == (root / "openapi.yaml").read_bytes()


def test_the_project_spec_passes_the_validator(root):
    from openapi_spec_validator import validate

    validate(yaml.safe_load((root / "openapi.yaml").read_text("utf-8")))


ACCEPTED = {
    "four backticks, no newline at the end": fenced(),
    "three backticks": fenced(ticks="```"),
    "five backticks around code of three": fenced(f"{DOCUMENT}# ```bash\n# ````\n", ticks="`````"),
    "file name before the operation": fenced(info="yaml tts/openapi.json post /a/b:do"),
    "file name first of all": fenced(info="openapi.json yaml post /a/b:do"),
    "method in capitals": fenced(info="yaml POST /a/b:do"),
    "other blocks around": f"```bash\ncurl\n```\n{fenced()}\n\n```yaml\nopenapi: 3.0.0\n```\n",
    "an operation named inside another block": f"`````md\n{fenced()}\n`````\n{fenced()}",
    "CRLF": fenced().replace("\n", "\r\n"),
}


@pytest.mark.parametrize("text", ACCEPTED.values(), ids=ACCEPTED)
def test_page_is_accepted(text, run_tool, tmp_path):
    out = tmp_path / "out.yaml"
    done = run_tool("extract_spec.py", save(tmp_path, text), "--out", out)
    assert done.returncode == 0, done.stderr
    assert yaml.safe_load(out.read_text("utf-8")) == yaml.safe_load(DOCUMENT)
    assert out.read_text("utf-8").startswith(DOCUMENT)


REFUSED = {
    "empty": "",
    "no fence": "# Title\n",
    "a fence of another kind": "```yaml\nopenapi: 3.0.0\n```\n",
    "AsyncAPI": fenced(info="yaml asyncapi.yaml channel"),
    "two fences": f"{fenced()}\n\n{fenced()}",
    "cut off": fenced()[:-4],
    "closed by another count": fenced()[:-1],
    "HTML": "<!DOCTYPE html><html><body>Sign in</body></html>",
    "HTML around a good fence": f"\ufeff\n<html>\n{fenced()}\n</html>",
    "operation missing from paths": fenced(info="yaml post /a/other"),
    "method missing from the path": fenced(info="yaml get /a/b:do"),
    "not OpenAPI": fenced("paths:\n  /a/b:do:\n    post: {}\n"),
    "Swagger": fenced(DOCUMENT.replace("openapi: 3.0.0", "swagger: '2.0'")),
    "paths is a list": fenced("openapi: 3.0.0\npaths: []\n"),
    "operation is null": fenced("openapi: 3.0.0\npaths: {/a/b:do: {post: }}\n"),
    "broken YAML": fenced("openapi: [3.0.0\n"),
    "a template tag": fenced("openapi: 3.0.0\npaths: !!python/object:os.system {}\n"),
}


@pytest.mark.parametrize("text", REFUSED.values(), ids=REFUSED)
def test_page_is_refused_and_the_good_file_kept(text, run_tool, tmp_path, everything):
    (tmp_path / "out.yaml").write_text(DOCUMENT)
    page = save(tmp_path, text)
    before = everything(tmp_path)
    done = run_tool("extract_spec.py", page, "--out", tmp_path / "out.yaml")
    assert done.returncode == 2
    assert str(page) in done.stderr
    assert "Traceback" not in done.stderr
    assert everything(tmp_path) == before


def test_a_page_that_is_no_text_is_refused(run_tool, tmp_path):
    page = tmp_path / "page.md"
    page.write_bytes(b"\xff\xfe")
    assert run_tool("extract_spec.py", page, "--out", tmp_path / "out.yaml").returncode == 2
    assert run_tool("extract_spec.py", tmp_path / "none.md", "--out", tmp_path / "out.yaml").returncode == 2
    assert not (tmp_path / "out.yaml").exists()


def test_another_operations_page_does_not_replace_the_spec(run_tool, tmp_path):
    out = tmp_path / "out.yaml"
    out.write_text(DOCUMENT)
    other = save(tmp_path, fenced(DOCUMENT.replace("/a/b:do", "/c"), info="yaml post /c"))
    refused = run_tool("extract_spec.py", other, "--out", out)
    assert refused.returncode == 2
    assert "lacks POST /a/b:do" in refused.stderr
    assert out.read_text() == DOCUMENT
    assert run_tool("extract_spec.py", other, "--out", out, "--replace").returncode == 0
    assert "/c" in out.read_text()


def test_a_file_that_is_no_spec_is_replaced(run_tool, tmp_path):
    out = tmp_path / "out.yaml"
    out.write_text("<html>")
    assert run_tool("extract_spec.py", save(tmp_path, fenced()), "--out", out).returncode == 0
    assert out.read_text() == DOCUMENT


def test_check_finds_a_difference_and_writes_nothing(run_tool, tmp_path):
    out, page = tmp_path / "out.yaml", save(tmp_path, fenced())
    out.write_text(DOCUMENT.replace("title: t", "title: u"))
    done = run_tool("extract_spec.py", page, "--out", out, "--check")
    assert done.returncode == 1
    assert f"tools/extract_spec.py {page} --out {out}" in done.stdout
    assert "title: u" in out.read_text()


def test_check_accepts_the_same_document(run_tool, tmp_path):
    out, page = tmp_path / "out.yaml", save(tmp_path, fenced())
    out.write_bytes(DOCUMENT.replace("\n", "\r\n").encode())
    assert run_tool("extract_spec.py", page, "--out", out, "--check").returncode == 0
