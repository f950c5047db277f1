"""``plan``: what would be sent, for whatever a job takes."""

import json

import pytest


@pytest.mark.parametrize("way", ["file", "pipe", "table", "job"])
def test_it_says_what_a_job_says_and_needs_no_key(run, tmp_path, way):
    (tmp_path / "texts.txt").write_text("line\n" * 300, "utf-8")
    (tmp_path / "texts.jsonl").write_text('{"t": "line", "u": "x"}\n' * 300, "utf-8")
    files = {"file": "texts.txt", "table": "texts.jsonl", "job": "texts.txt"}
    path = str(tmp_path / files.get(way, ""))
    command = {
        "file": ["plan", path],
        "pipe": ["plan", "-"],
        "table": ["plan", path, "--text", "t"],
        "job": ["job", "run", path, "-o", "no", "--dry-run"],
    }[way]
    code, out, err = run(*command, text="line\n\n" * 300)
    assert (code, out, err) == (0, "300 rows in 3 requests, 5211 bytes, some 300 tokens\n", "")
    assert json.loads(run(*command, "--json", text="line\n" * 300)[1])["requests"] == 3
