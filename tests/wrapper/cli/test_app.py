"""What the commands print, on which stream, and their exit codes."""

import json
import re
import subprocess
import sys

import pytest


def test_embed_prints_a_json_line_for_each_text(run):
    code, out, err = run("embed", "--local", "Hello Inworld!", "Thanks!")
    rows = [json.loads(line) for line in out.splitlines()]
    assert (code, [row["index"] for row in rows]) == (0, [0, 1])
    assert [len(row["vector"]) for row in rows] == [768, 768]
    assert "local stand-in" in err


def test_embed_reads_a_pipe(run):
    assert len(run("embed", "--local", text="one\n\ntwo\r\n")[1].splitlines()) == 2


def test_embed_shows_a_table(run):
    code, out, _ = run("embed", "--local", "--format", "table", "Hello [bold]Inworld!\x1b[31m")
    assert code == 0
    assert "Hello [bold]Inworld!" in out
    assert "\x1b" not in out
    assert "768 dimensions" in out


def test_search_ranks_lines_of_a_file_or_a_pipe(run, tmp_path):
    file = tmp_path / "faq.txt"
    file.write_text("The parcel is late\nHow do I get my money back?\nI forgot my password\n", "utf-8")
    lines = run("search", "--local", "refund my money", str(file), "--top", "2")[1].splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("How do I get my money back?")
    assert run("search", "--local", "refund my money", "-", text=file.read_text("utf-8"))[1].startswith(
        lines[0]
    )


def test_plan_needs_no_key(run, tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("line\n" * 300, "utf-8")
    assert re.fullmatch(r"300 texts in 3 requests, \d+ bytes\n", run("plan", str(file))[1])


SERVE = ("serve", "--port", "0")
UPSTREAM = (*SERVE, "--openai", "--upstream")
HAS_KEY = {"INWORLD_API_KEY": "cGxhbnRlZC1rZXk6cGxhbnRlZC1zZWNyZXQ="}


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (["embed", "x"], {}, 2, "No API key"),
        (["demo", "--live"], {}, 2, "No API key"),
        (["embed", "--local"], {}, 2, "no texts"),
        (["search", "--local", "q", "no-such-file.txt"], {}, 2, "No such file"),
        (["embed", "--local", "--timeout", "-1", "x"], {}, 2, "timeout must be"),
        (["embed", "x"], {"INWORLD_EMULATOR_HOST": "127.0.0.1:9"}, 1, "127.0.0.1:9 failed"),
        ([*SERVE, "--host", "0.0.0.0"], {}, 2, "api_key of its own"),
        ([*SERVE, "--base-url", "http://127.0.0.1:9"], {}, 2, "--base-url is where --upstream"),
        ([*SERVE, "--engine", "minilm"], {}, 2, "Choose from: local"),
        ([*SERVE, "--engine-key-from", "K"], {"K": "planted-secret"}, 2, "takes no key"),
        ([*SERVE, "--engine-key-from", "NO_SUCH"], {}, 2, "NO_SUCH is not set"),
        ([*SERVE, "--upstream"], HAS_KEY, 2, "--upstream needs --openai"),
        (UPSTREAM, {}, 2, "No API key"),
        ([*UPSTREAM, "--engine", "hash"], HAS_KEY, 2, "has no --engine"),
        ([*UPSTREAM, "--host", "0.0.0.0"], HAS_KEY, 2, "key of its own"),
    ],
    ids=range(15),
)
def test_errors_are_one_line_and_an_exit_code(run, arguments, environment, code, says):
    ended, out, err = run(*arguments, **environment)
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert err.startswith("error: ")
    assert says in err


def test_a_file_that_is_not_utf8_is_named(run, tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    code, _, err = run("plan", str(tmp_path / "latin.txt"))
    assert code == 2
    assert "latin.txt: not UTF-8" in err


def test_help_and_version(run):
    assert all(command in run("--help")[1] for command in ("search", "demo", "serve"))
    assert run("--version")[1].startswith("inworld-embeddings, version ")


def test_without_the_extra_it_says_how_to_get_it(start, without_click):
    done = start("embed", "x", **without_click)
    _, err = done.communicate(timeout=60)
    assert done.returncode == 2
    assert "pip install click rich" in err
    assert "inworld-embeddings demo" in err


def test_a_reader_that_stops_early_is_no_error():
    line = f"{sys.executable} -W error -m inworld_embeddings embed --local $(seq 200) | head -n 1"
    done = subprocess.run(["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr
