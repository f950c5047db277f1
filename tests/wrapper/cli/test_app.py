"""Help, suggestions, the log, and errors: one line and an exit code, whatever the command."""

import sys

import pytest

from support.clients import KEY

SERVE = ("serve", "--port", "0")
UPSTREAM = (*SERVE, "--openai", "--upstream")
HAS_KEY = {"INWORLD_API_KEY": KEY}
NOWHERE = {"INWORLD_EMULATOR_HOST": "127.0.0.1:9"}
JOB = ("job", "run", "in.jsonl", "-o", "out")


@pytest.mark.parametrize(
    ("arguments", "environment", "code", "says"),
    [
        (["embed", "x"], {}, 2, "No API key"),
        (["embed", "--local"], {}, 2, "no texts"),
        (["embed", "x"], NOWHERE, 1, "127.0.0.1:9 failed"),
        (["embed", "-5"], {}, 2, "goes behind --, as in: inworld-embeddings embed -- -5"),
        # By its version, click has words of its own before these.
        (["embed", "--formt", "json"], {}, 2, "? Try 'inworld-embeddings embed --help'"),
        (["serch"], {}, 2, "Did you mean 'search'? Try 'inworld-embeddings --help'"),
        (["search", "--local", "q", "rows.parquet"], {}, 2, "job run rows.parquet -o OUT"),
        (["search", "q", "."], {}, 1, "holds no job"),
        ([*SERVE, "--host", "0.0.0.0"], {}, 2, "key of its own"),
        ([*SERVE, "--base-url", "http://127.0.0.1:9"], {}, 2, "--base-url is for --upstream"),
        ([*SERVE, "--engine-key-from", "K"], {"K": "planted-secret"}, 2, "takes no key"),
        ([*SERVE, "--upstream"], HAS_KEY, 2, "--upstream needs --openai"),
        ([*UPSTREAM, "--host", "0.0.0.0"], HAS_KEY, 2, "key of its own"),
        ([*UPSTREAM, "--chaos"], HAS_KEY, 2, "not for --upstream"),
        # What is wrong with what was typed comes before a missing key.
        (["job", "run", "no.csv", "-o", "out"], {}, 2, "no.csv: No such file."),
        ([*JOB, "--text", "no"], {}, 2, "no column 'no' in its first 100 lines, only: id, body"),
        ([*JOB, "--text", "body"], {}, 2, "No API key"),
        ([*JOB, "--local", "--workers", "2"], {}, 2, "--workers is for a cluster"),
        ([*JOB, "--local", "--engine", "daft", "--address", "a"], {}, 2, "takes no --address"),
        ([*JOB, "--local", "--engine", "spark"], {}, 2, "needs the extra `spark`"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list | tuple) else "",
)
def test_errors_are_one_line_and_an_exit_code(run, folder, monkeypatch, arguments, environment, code, says):
    (folder / "in.jsonl").write_text('{"id": 1, "body": "text"}\n')
    monkeypatch.setitem(sys.modules, "pyspark", None)
    ended, out, err = run(*arguments, **environment)
    assert (ended, out, err.count("\n")) == (code, "", 1)
    assert err.startswith("error: ")
    assert says in err


def test_nothing_is_asked_for_with_help(run):
    code, out, err = run()
    assert (code, out, err) == (0, run("--help")[1], "")
    assert run("--version")[1].startswith("inworld-embeddings, version ")
    assert "complete" in run(_INWORLD_EMBEDDINGS_COMPLETE="bash_source")[1]


@pytest.mark.parametrize("arguments", [["-v", "embed", "x"], ["embed", "-v", "x"]])
def test_v_shows_the_log_in_front_of_the_command_or_behind(start, arguments):
    assert "attempt 1 failed, texts: 1" in start(*arguments, **NOWHERE).communicate(timeout=60)[1]


def test_without_an_extra_it_says_how_to_get_it(start, run, without_click, monkeypatch):
    told = start("embed", "x", **without_click).communicate(timeout=60)[1]
    assert "pip install click rich" in told
    assert "inworld-embeddings demo" in told
    for name in [name for name in sys.modules if name.startswith("inworld_embeddings.jobs")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    code, _, told = run("job", "status", "x")
    assert (code, "pip install pyarrow" in told) == (2, True)
