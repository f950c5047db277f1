"""``plan``: what would be sent, for whatever a job takes."""

import json

import pytest

WAYS = {
    "file": ["plan", "texts.txt"],
    "pipe": ["plan", "-"],
    "table": ["plan", "texts.jsonl", "--text", "t"],
    "job": ["job", "run", "texts.txt", "-o", "no", "--dry-run"],
}


@pytest.mark.parametrize("command", WAYS.values(), ids=WAYS)
def test_it_says_what_a_job_says_and_needs_no_key(run, tmp_path, monkeypatch, command):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "texts.txt").write_text("line\n" * 300, "utf-8")
    (tmp_path / "texts.jsonl").write_text('{"t": "line", "u": "x"}\n' * 300, "utf-8")
    code, out, err = run(*command, text="line\n\n" * 300)
    assert (code, out, err) == (0, "300 rows in 3 requests, 5211 bytes, some 300 tokens\n", "")
    assert json.loads(run(*command, "--json", text="line\n" * 300)[1])["requests"] == 3
