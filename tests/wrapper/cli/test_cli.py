"""The command as a person meets it: a process, its two streams, its exit code."""

import json
import os
import re
import signal
import subprocess
import sys

import pytest

CLEAN = {name: value for name, value in os.environ.items() if not name.startswith("INWORLD_")}


def run(*arguments, text="", env=None):
    return subprocess.run(
        [sys.executable, "-W", "error", "-m", "inworld_embeddings", *arguments],
        input=text, capture_output=True, text=True, timeout=60, env=CLEAN | (env or {}), encoding="utf-8",
    )  # fmt: skip


def only_line(stream):
    (line,) = stream.splitlines()
    return line


def test_embed_prints_a_json_line_for_each_text():
    done = run("embed", "--local", "Hello Inworld!", "Thanks!")
    rows = [json.loads(line) for line in done.stdout.splitlines()]
    assert (done.returncode, [row["index"] for row in rows]) == (0, [0, 1])
    assert [len(row["vector"]) for row in rows] == [768, 768]
    assert "local stand-in" in done.stderr


def test_embed_reads_a_pipe():
    done = run("embed", "--local", text="one\n\ntwo\r\n")
    assert len(done.stdout.splitlines()) == 2


def test_embed_shows_a_table():
    done = run("embed", "--local", "--format", "table", "Hello [bold]Inworld!\x1b[31m")
    assert done.returncode == 0
    assert "Hello [bold]Inworld!" in done.stdout
    assert "\x1b" not in done.stdout
    assert "768 dimensions" in done.stdout


def test_search_ranks_lines(tmp_path):
    file = tmp_path / "faq.txt"
    file.write_text("The parcel is late\nHow do I get my money back?\nI forgot my password\n", "utf-8")
    done = run("search", "--local", "refund my money", str(file), "--top", "2")
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    assert lines[0].endswith("How do I get my money back?")
    assert (
        run("search", "--local", "refund my money", "-", text=file.read_text("utf-8")).stdout.splitlines()[0]
        == lines[0]
    )


def test_plan_needs_no_key(tmp_path):
    file = tmp_path / "texts.txt"
    file.write_text("line\n" * 300, "utf-8")
    assert re.fullmatch(r"300 texts in 3 requests, \d+ bytes\n", run("plan", str(file)).stdout)


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["embed", "x"], 2, "No API key"),
        (["embed", "--local"], 2, "no texts"),
        (["search", "--local", "q", "no-such-file.txt"], 2, "No such file"),
        (["embed", "--local", "--timeout", "-1", "x"], 2, "timeout must be"),
        (["embed", "x"], 1, "connection failed"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(arguments, code, says):
    env = {"INWORLD_EMULATOR_HOST": "127.0.0.1:9"} if code == 1 else {}
    done = run(*arguments, env=env)
    assert (done.returncode, done.stdout) == (code, "")
    assert says in done.stderr
    assert "Traceback" not in done.stderr
    assert only_line(done.stderr).startswith("error: ")


def test_a_file_that_is_not_utf8_is_named(tmp_path):
    (tmp_path / "latin.txt").write_bytes(b"caf\xe9\n")
    done = run("plan", str(tmp_path / "latin.txt"))
    assert done.returncode == 2
    assert "not UTF-8" in done.stderr


def test_help_and_version():
    assert "search" in run("--help").stdout
    assert run("--version").stdout.startswith("inworld-embeddings, version ")


WITHOUT_CLICK = "raise ModuleNotFoundError(name='click')\n"


def test_without_the_extra_it_says_how_to_get_it(tmp_path):
    (tmp_path / "click.py").write_text(WITHOUT_CLICK)
    done = run("embed", "x", env={"PYTHONPATH": str(tmp_path)})
    assert done.returncode == 2
    assert "pip install click rich" in done.stderr
    assert "inworld-embeddings demo" in done.stderr


def test_the_demo_needs_no_extra_finds_the_right_texts_and_says_what_to_try_next(tmp_path):
    (tmp_path / "click.py").write_text(WITHOUT_CLICK)
    done = run("demo", env={"PYTHONPATH": str(tmp_path)})
    assert (done.returncode, done.stderr) == (0, "")
    assert "Engine: inworld-local" in done.stdout
    wanted = {"refund": "money back", "logging into": "password", "billing": "charged twice"}
    for query, best in wanted.items():
        assert best in done.stdout[done.stdout.index(query) :].splitlines()[1]
    assert "-m inworld_embeddings serve" in done.stdout
    assert "demo --live" in done.stdout


def test_the_demo_without_a_key_says_so_and_is_the_same_behind_the_group():
    done = run("demo", "--live")
    assert (done.returncode, done.stdout) == (2, "")
    assert "No API key" in only_line(done.stderr)
    assert "demo" in run("--help").stdout
    assert run("demo", "--help").stdout.startswith("usage: inworld-embeddings demo")


def test_a_reader_that_stops_early_is_no_error():
    line = f"{sys.executable} -m inworld_embeddings embed --local $(seq 200) | head -n 1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"], capture_output=True, text=True, env=CLEAN
    )
    assert done.returncode == 0, done.stderr
    assert "Error" not in done.stderr


def test_serve_says_how_to_reach_it_answers_and_stops():
    command = [sys.executable, "-W", "error", "-m", "inworld_embeddings", "serve", "--port", "0"]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=CLEAN)
    try:
        lines = [server.stdout.readline() for _ in range(3)]
        host = re.search(r"INWORLD_EMULATOR_HOST=(\S+)", "".join(lines)).group(1)
        assert "English search is meaningful" in "".join(lines)
        done = run("embed", "over the wire", env={"INWORLD_EMULATOR_HOST": host})
        assert done.returncode == 0
    finally:
        server.send_signal(signal.SIGINT)
        _, log = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "over the wire" not in log


def test_serve_beyond_loopback_needs_a_key_of_its_own():
    done = run("serve", "--host", "0.0.0.0", "--port", "0")
    assert done.returncode == 2
    assert only_line(done.stderr).startswith("error: ")
