"""``embed``: what stands on its lines, in which form, and what a signal leaves."""

import json
import signal

import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.testing import emulator


def rows_of(out):
    return [json.loads(line) for line in out.splitlines()]


def test_json_lines_have_the_vector_and_the_number_of_the_line(run):
    code, out, err = run("embed", "--local", text="one\n\ntwo\r\n")
    rows = rows_of(out)
    assert (code, [(row["index"], row["line"]) for row in rows]) == (0, [(0, 1), (1, 3)])
    with EmbeddingClient.local() as client:
        vectors = client.embed(["one", "two"]).vectors
    assert (np.array([row["embedding"] for row in rows], np.float32) == vectors).all()
    assert "stand-in" in err
    assert len(out) < 2 * 768 * 13  # the digits of float32, not of float64


def test_one_refused_text_costs_no_other_and_is_exit_code_3(run):
    texts = [f"text {number}" for number in range(300)]
    with emulator(faults='poison="text 77$"') as served:
        code, out, err = run("embed", text="\n".join(texts), **served.env)
    rows = rows_of(out)
    assert (code, [row["index"] for row in rows]) == (3, list(range(300)))
    (bad,) = [row for row in rows if "error" in row]
    assert (bad["line"], bad["error"]["code"]) == (78, "BadRequestError")
    assert "text 77" not in out + err
    assert "Texts without a vector: 1 of 300." in err


def test_a_table_shows_a_text_as_it_is_but_without_control_characters(run):
    code, out, _ = run("embed", "--local", "--format", "table", "[bold]Hi\x1b[31m", "again")
    assert (code, "0       1  [bold]Hi [31m" in out, "\x1b" in out) == (0, True, False)


def test_an_output_file_is_named_for_its_form(run, folder):
    for name in ("x.npy", "x.jsonl"):
        assert run("embed", "--local", "-o", name, "a", "b")[:2] == (0, "")
    (_, second) = rows_of((folder / "x.jsonl").read_text())
    assert np.load("x.npy")[1].tolist() == np.float32(second["embedding"]).tolist()
    assert {path.name for path in folder.iterdir()} == {"x.jsonl", "x.npy"}


def test_the_name_of_a_file_gets_a_note(run, folder):
    (folder / "my texts.txt").write_text("x")
    assert "embed < 'my texts.txt'" in run("embed", "--local", "my texts.txt")[2]


@pytest.mark.parametrize(("first", "second"), [("SIGINT", "SIGTERM"), ("SIGHUP", "SIGINT")])
def test_a_signal_prints_what_was_sent_and_a_second_one_ends_at_once(start, first, second):
    arguments = ["--batch-size", "1", "--concurrency", "1", *"abcdefgh"]
    with (
        emulator(faults="ok x3, latency=300s") as served,
        start("embed", *arguments, **served.env) as command,
    ):
        lines = [command.stdout.readline() for _ in range(3)]
        command.send_signal(getattr(signal, first))
        said = [command.stderr.readline() for _ in range(2)]
        assert said[1].startswith("Finishing what was sent.")
        command.send_signal(getattr(signal, second))
        lines += command.stdout.readlines()
        assert command.stderr.read().endswith("error: interrupted\n")
    assert command.returncode == 130
    assert [row["index"] for row in rows_of("".join(lines))] == [0, 1, 2]


def test_a_line_is_done_while_the_next_one_is_waited_for_and_a_signal_does_not_wait(start):
    with start("embed", "--local", "--batch-size", "1") as command:
        for line in ("one", "two"):
            print(line, file=command.stdin, flush=True)
            assert '"embedding"' in command.stdout.readline()
        command.send_signal(signal.SIGINT)
        assert command.wait(60) == 130
