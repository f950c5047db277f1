"""``plan``: what would be sent, for whatever a job takes. `job run --dry-run` says the same: test_job.py."""

import json

import pytest


@pytest.mark.parametrize("source", [["texts.txt"], ["-"], ["texts.jsonl", "--text", "t"]])
def test_it_needs_no_key(run, folder, source):
    (folder / "texts.txt").write_text("line\n" * 300, "utf-8")
    (folder / "texts.jsonl").write_text('{"t": "line", "u": "x"}\n' * 300, "utf-8")
    said = "300 rows in 3 requests, 5211 bytes, some 300 tokens\n"
    assert run("plan", *source, text="line\n\n" * 300) == (0, said, "")
    assert json.loads(run("plan", *source, "--json", text="line\n" * 300)[1])["requests"] == 3
