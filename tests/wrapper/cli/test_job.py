"""``job``: what it prints, its exit codes, and what Ctrl-C does."""

import json
import signal
import sys
import time

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


def test_it_runs_says_how_to_read_it_and_does_nothing_twice(run, texts, out):
    code, said, err = run("job", "run", texts, "-o", out, "--local", "--text", "body", "--id", "id")
    assert code == 0
    assert "300 rows in 3 requests" in err
    assert "300 rows in 1 part, 0 refused" in said
    assert "read_table" in said
    assert "0 rows sent" in run("job", "run", texts, "-o", out, "--local", "--text", "body", "--id", "id")[1]
    assert json.loads(run("job", "status", out, "--json")[1])["rows"] == 300
    assert run("job", "verify", out)[:2] == (0, "All parts are good.\n")


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


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["run", "IN", "-o", "OUT", "--local", "--text", "no"], 2, "no column 'no', only: id, body"),
        (["run", "no.csv", "-o", "OUT", "--local"], 2, "No such file"),
        (["run", "IN", "-o", "OUT", "--text", "body"], 2, "No API key"),
        (["run", "IN", "-o", "IN", "--local", "--text", "body"], 1, "is not a folder"),
        (["status", "OUT"], 1, "holds no job"),
        (["export", "OUT", "x.npy"], 1, "holds no job"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(run, texts, out, arguments, code, says):
    named = {"IN": texts, "OUT": out}
    ended, said, err = run("job", *(named.get(word, word) for word in arguments))
    assert (ended, said, err.count("\n")) == (code, "", 1)
    assert says in err


def test_another_input_is_exit_code_1(run, texts, out, tmp_path):
    run("job", "run", texts, "-o", out, "--local", "--text", "body")
    (tmp_path / "in.jsonl").write_text('{"body": "x"}\n')
    code, _, err = run("job", "run", texts, "-o", out, "--local", "--text", "body")
    assert code == 1
    assert "is not what it was" in err


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


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--workers", "2"], "--workers is for a cluster"),
        (["--engine", "daft", "--address", "a"], "takes no --address"),
        (["--engine", "spark"], "needs the extra `spark`"),
    ],
)
def test_a_cluster_needs_its_engine(run, texts, out, arguments, says, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyspark", None)
    code, _, err = run("job", "run", texts, "-o", out, "--local", *arguments)
    assert (code, says in err) == (2, True)


def test_without_pyarrow_it_says_how_to_get_it(run, monkeypatch):
    for name in [name for name in sys.modules if name.startswith("inworld_embeddings.jobs")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, err = run("job", "status", "x")
    assert (code, "pip install pyarrow" in err) == (2, True)
