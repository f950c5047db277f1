"""``job``: what it prints, its exit codes, and what Ctrl-C does."""

import json
import signal
import time

import pytest

from inworld_embeddings.testing import emulator


@pytest.fixture
def command(folder):
    """A job over 300 texts, in parts of 100."""
    rows = [json.dumps({"id": n, "body": f"text {n}"}) for n in range(300)]
    (folder / "in.jsonl").write_text("\n".join(rows))
    return ["job", "run", "in.jsonl", "-o", "out", "--text", "body", "--rows-per-part", "100"]


def test_it_runs_says_how_to_read_it_and_does_nothing_twice_nor_with_another_input(run, command, folder):
    command += ["--local", "--id", "id", "--rate-limit", "1000"]
    code, said, err = run(*command)
    assert code == 0
    assert "300 rows in 3 requests" in err
    assert "300 rows in 3 parts, 0 refused" in said
    assert "read_table" in said
    assert json.loads(run("job", "status", "out", "--json")[1])["rows"] == 300
    assert run("job", "verify", "out")[:2] == (0, "All parts are good.\n")
    (folder / "out" / "copy.txt").write_text("three\n")
    said = run(*command)[1]
    assert "0 rows sent" in said
    assert "Not of this job, but read with it: " in said
    (folder / "in.jsonl").write_text('{"id": 1, "body": "x"}\n')
    code, _, err = run(*command)
    assert (code, "is not what it was" in err) == (1, True)


def test_a_dry_run_needs_no_key_leaves_nothing_and_knows_what_the_cache_has(run, command, folder):
    code, said, _ = run(*command, "--dry-run", "--rate-limit", "0.5")
    assert (code, said.startswith("300 rows in 3 requests, ")) == (0, True)
    assert "0.1 minutes at 0.5 requests a second" in said
    assert not (folder / "out").exists()
    command += ["--local", "--cache", "cache.db"]
    run(*command)
    command[4] = "again"
    assert "; 300 rows in the cache" in run(*command, "--dry-run")[1]
    assert "0 rows sent in 0 requests (0 retries), 300 from the cache, " in run(*command)[1]


def test_json_lines_tell_the_plan_and_the_end(run, command):
    events = [json.loads(line) for line in run(*command, "--local", "--json")[1].splitlines()]
    assert (events[0]["kind"], events[0]["plan"]["rows"]) == ("start", 300)
    assert (events[-1]["kind"], events[-1]["rows"], events[-1]["finished"]) == ("done", 300, True)


def test_refused_rows_are_exit_code_3_and_are_listed(run, folder):
    (folder / "in.jsonl").write_text('{"t": "a"}\nbroken\n')
    code, said, _ = run("job", "run", "in.jsonl", "-o", "out", "--local", "--model", "BAAI/bge-large-en-v1.5")
    assert code == 3
    assert "_errors.jsonl" in said
    assert "job retry" in said
    code, said, _ = run("job", "status", "out")
    assert (code, "row 1: InvalidInputError: in.jsonl, line 2" in said) == (3, True)
    assert run("job", "retry", "out")[0] == 3, "as it is told: the job knows whose vectors they are"


def test_H17_a_paused_job_is_exit_code_75_and_goes_on(run, command):
    with emulator(faults="ok x2, status=401") as served:
        code, _, err = run(*command, **served.env)
        assert (code, "run the same command again" in err) == (75, True)
        assert run("job", "status", "out")[0] == 75
        served.faults.set("ok")
        assert run(*command)[0] == 0


def test_ctrl_c_once_finishes_what_is_begun_and_twice_stops_at_once(start, run, command):
    with emulator(faults="ok x3, latency=300s") as served:
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
