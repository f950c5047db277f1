"""``job``: what it prints, its exit codes, and what Ctrl-C does."""

import json
import signal
import time
from pathlib import Path

import pytest

from inworld_embeddings.testing import emulator


@pytest.fixture
def texts(tmp_path):
    path = tmp_path / "in.jsonl"
    path.write_text("".join(json.dumps({"id": n, "body": f"text {n}"}) + "\n" for n in range(300)))
    return str(path)


@pytest.fixture
def out(tmp_path):
    return str(tmp_path / "out")


def test_it_runs_says_how_to_read_it_and_does_nothing_twice_nor_with_another_input(run, texts, out):
    command = ["job", "run", texts, "-o", out, "--local", "--text", "body", "--id", "id"]
    code, said, err = run(*command)
    assert code == 0
    assert "300 rows in 3 requests" in err
    assert "300 rows in 1 part, 0 refused" in said
    assert "read_table" in said
    assert "0 rows sent" in run(*command)[1]
    assert json.loads(run("job", "status", out, "--json")[1])["rows"] == 300
    assert run("job", "verify", out)[:2] == (0, "All parts are good.\n")
    Path(texts).write_text('{"id": 1, "body": "x"}\n')
    code, _, err = run(*command)
    assert (code, "is not what it was" in err) == (1, True)


def test_what_the_cache_has_is_not_sent_and_is_told(run, texts, out, tmp_path):
    command = ["job", "run", texts, "--text", "body", "--local", "--cache", str(tmp_path / "cache.db"), "-o"]
    run(*command, out)
    assert "; 300 rows in the cache" in run(*command, "no", "--dry-run")[1]
    code, said, _ = run(*command, str(tmp_path / "again"))
    assert (code, "0 rows sent in 0 requests (0 retries), 300 from the cache, " in said) == (0, True)


def test_a_dry_run_needs_no_key_and_leaves_nothing(run, texts, out, tmp_path):
    command = ["job", "run", texts, "-o", out, "--text", "body", "--dry-run", "--rate-limit", "0.5"]
    code, said, _ = run(*command, INWORLD_API_KEY="")
    assert code == 0
    assert said.startswith("300 rows in 3 requests, ")
    assert "0.1 minutes at 0.5 requests a second" in said
    assert not (tmp_path / "out").exists()


def test_what_is_in_the_folder_is_no_input_and_is_named_if_it_is_not_of_the_job(run, texts, out):
    source = Path(texts).parent / "data"
    source.mkdir()
    (source / "in.txt").write_text("one\ntwo\n")
    command = ["job", "run", str(source), "-o", str(source / "out"), "--local"]
    run(*command)
    (source / "out" / "copy.txt").write_text("three\n")
    assert "Not of this job, but read with it: " in run(*command)[1]
    assert run(*command, "--dry-run")[1].startswith("2 rows in 1 request")
    code, said, _ = run("job", "verify", str(source / "out"))
    assert (code, said.startswith("copy.txt: no part of this job, and read as one")) == (1, True)


def test_json_lines_tell_the_plan_and_the_end(run, texts, out):
    lines = run("job", "run", texts, "-o", out, "--local", "--text", "body", "--json")[1].splitlines()
    events = [json.loads(line) for line in lines]
    assert (events[0]["kind"], events[0]["plan"]["rows"]) == ("start", 300)
    assert (events[-1]["kind"], events[-1]["rows"], events[-1]["finished"]) == ("done", 300, True)


def test_refused_rows_are_exit_code_3_and_are_listed(run, tmp_path, out):
    source = tmp_path / "in.jsonl"
    source.write_text('{"t": "a"}\nbroken\n')
    code, said, _ = run("job", "run", str(source), "-o", out, "--local", "--model", "BAAI/bge-large-en-v1.5")
    assert code == 3
    assert "_errors.jsonl" in said
    assert "job retry" in said
    code, said, _ = run("job", "status", out)
    assert code == 3
    assert "row 1: InvalidInputError: in.jsonl, line 2" in said
    assert run("job", "retry", out)[0] == 3, "as it is told: the job knows whose vectors they are"


def test_H17_a_paused_job_is_exit_code_75_and_goes_on(run, texts, out):
    with emulator(faults="ok x2, status=401") as served:
        command = ["job", "run", texts, "-o", out, "--text", "body", "--rows-per-part", "100"]
        code, _, err = run(*command, **served.env)
        assert code == 75
        assert "run the same command again" in err
        assert run("job", "status", out)[0] == 75
        served.faults.set("ok")
        assert run(*command, **served.env)[0] == 0


def test_ctrl_c_once_finishes_what_is_begun_and_twice_stops_at_once(start, run, texts, out):
    with emulator(faults="ok x3, latency=300s") as served:
        command = ["job", "run", texts, "-o", out, "--text", "body", "--rows-per-part", "100"]
        job = start(*command, **served.env)
        while len(served.log) < 4:
            assert job.poll() is None
            time.sleep(0.01)
        job.send_signal(signal.SIGTERM)
        assert any("Ctrl-C again stops at once" in line for line in job.stderr)
        job.send_signal(signal.SIGINT)
        job.communicate(timeout=60)
        assert job.returncode == 130
        served.faults.set("ok")
        assert "300 rows in 3 parts" in run(*command, **served.env)[1]
