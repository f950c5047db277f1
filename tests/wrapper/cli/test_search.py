"""``search``: over lines, which it embeds, and over a job, of which it embeds only the query."""

import json

import pytest

from inworld_embeddings.testing import emulator
from inworld_embeddings_emulator.engines import HashEngine, default_engine

FAQ = ["The parcel is late", "", "How do I get my money back?", "I forgot my password"]


def hits(out):
    return [json.loads(line) for line in out.splitlines()]


def test_the_lines_of_a_file_or_a_pipe_are_embedded_and_ranked(run, folder):
    (folder / "faq.txt").write_text("\n".join(FAQ))
    found = hits(run("search", "--local", "refund my money", "-", "--json", text="\n".join(FAQ))[1])
    assert [(hit["line"], hit["text"]) for hit in found] == [(line, FAQ[line - 1]) for line in (3, 4, 1)]
    code, out, err = run("search", "--local", "refund my money", "faq.txt", "--top", "1")
    assert (code, out) == (0, f" {found[0]['score']:.3f}  line 3  {FAQ[2]}\n")
    assert "Embedding the lines of faq.txt" in err


def test_refused_lines_are_told_and_the_rest_is_ranked(run):
    with emulator(faults="poison=parcel") as served:
        code, out, err = run("search", "refund my money", "-", text="\n".join(FAQ), **served.env)
    assert (code, len(out.splitlines())) == (3, 2)
    assert "line 1: BadRequestError: " in err
    assert "parcel" not in err


@pytest.fixture
def job(run, folder):
    """A job over rows that are not all fine, in parts of two rows."""
    rows = [json.dumps({"id": f"q{number}", "t": text}) for number, text in enumerate(FAQ * 2) if text]
    (folder / "in.jsonl").write_text("\n".join([*rows[:3], "broken", *rows[3:]]))
    command = ["job", "run", "in.jsonl", "-o", "out", "--text", "t", "--id", "id", "--rows-per-part", "2"]

    def made(*more, **environment):
        assert run(*command, *more, **environment)[0] == 3

    return made


def test_a_job_is_searched_without_embedding_it_again(run, job):
    with emulator(engine=default_engine()) as served:
        job(**served.env)
        served.log.clear()
        code, said, err = run("search", "refund my money", "out", "--json", "--top", "2")
        assert (len(served.log), served.log.texts[0]) == (1, "refund my money")
    assert code == 0
    first, second = hits(said)
    assert (first["row"], first["columns"], first["text"]) == (1, {"id": "q2"}, FAQ[2])
    assert (second["row"], second["score"]) == (5, first["score"])
    assert "The job has 1 row without a vector" in err


def test_a_job_of_local_vectors_is_searched_locally_even_when_it_is_not_finished(run, job, folder):
    job("--local")
    (folder / "out" / "_SUCCESS").unlink()
    (folder / "in.jsonl").write_text("other")
    code, said, err = run("search", "refund my money", "out", "--top", "1")
    assert (code, said.split()[1:]) == (0, ["row", "1", "id=q2"])
    assert "not finished; so far it has 7 rows" in err
    assert "shown without their texts. " in err


@pytest.mark.parametrize(
    ("arguments", "code", "says"),
    [
        (["--model", "BAAI/bge-large-en-v1.5"], 2, "leave out --model"),
        (["--local"], 2, "leave out --local"),
        ([], 1, "8 numbers of hash"),
    ],
)
def test_vectors_that_cannot_be_compared_are_refused(run, job, arguments, code, says):
    with emulator() as served:
        job(**served.env)
    with emulator(engine=HashEngine(8)) as other:
        ended, said, err = run("search", "q", "out", *arguments, **other.env)
    assert (ended, said, says in err) == (code, "", True)
