"""Answers of backends, good and odd."""

import base64
import json
import struct

import pytest

from inworld_embeddings_emulator.engines import EngineError
from inworld_embeddings_emulator.engines.openai_answer import vectors_of

A, B = [0.5, -1.0], [0.25, 2.0]


def encoded(vector):
    return base64.b64encode(struct.pack(f"<{len(vector)}f", *vector)).decode()


def answer(*rows, **more):
    return json.dumps({"object": "list", "data": list(rows), "model": "m", **more}).encode()


def row(embedding, **more):
    return {"object": "embedding", "embedding": embedding, **more}


@pytest.mark.parametrize(
    "body",
    [
        answer(row(A, index=0), row(B, index=1)),
        answer(row(B, index=1), row(A, index=0)),
        answer(row(A), row(B)),
        answer(row(A, index=None), row(B, index=None)),
        answer(row(encoded(A), index=0), row(encoded(B), index=1)),
        answer(row(encoded(B), index=1), row([0.5, -1], index=0)),
        answer(row(A, index=0, more=[1]), row(B, index=1), usage={"prompt_tokens": 2}),
    ],
    ids=["in order", "by index", "no index", "null index", "base64", "mixed", "more fields"],
)
def test_good_answers(body):
    assert vectors_of(body, 2) == [A, B] == vectors_of(body, 2, 2)


@pytest.mark.parametrize(
    ("body", "says"),
    [
        (answer(row(A, index=0)), "2 texts with 1"),
        (answer(row(A), row(B), row(B)), "2 texts with 3"),
        (answer(), "2 texts with 0"),
        (answer(row(A, index=0), row(B, index=0)), "indexes"),
        (answer(row(A, index=1), row(B, index=2)), "indexes"),
        (answer(row(A, index=0), row(B)), "indexes"),
        (answer(row(A, index=0), row([0.5], index=1)), "differ in length"),
        (answer(row([]), row([])), "empty"),
        (answer(row(""), row("")), "empty"),
        (answer(row([0.5, float("nan")]), row(B)), "not JSON"),
        (answer(row(encoded([0.5, float("nan")])), row(B)), "not finite"),
        (answer(row(encoded([float("inf"), 1.0])), row(B)), "not finite"),
        (answer(row([0.5, None]), row(B)), "not a list of embeddings"),
        (answer(row(["0.5", "1"]), row(B)), "not a list of embeddings"),
        (answer(row([True, False]), row(B)), "not a list of embeddings"),
        (answer(row([[0.5, 1.0]]), row(B)), "not a list of embeddings"),
        (answer(row(A, index="0"), row(B, index="1")), "not a list of embeddings"),
        (answer(row("planted-text!"), row(B)), "not base64"),
        (answer(row("QUJD"), row(B)), "not base64"),
        (b'{"error":{"message":"planted-text"}}', "not a list of embeddings"),
        (b'{"data":null}', "not a list of embeddings"),
        (b"[1e999]", "not a list of embeddings"),
        (b'{"data":[{"embedding":[1e999,1]},{"embedding":[1,1]}]}', "not a list of embeddings"),
        (b"<html>planted-text</html>", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"", "not JSON"),
        (b"[" * 100_000, "not"),
    ],
)
def test_odd_answers_are_named_without_quoting_them(body, says):
    with pytest.raises(EngineError, match=says) as caught:
        vectors_of(body, 2)
    assert "planted" not in str(caught.value)
    assert caught.value.__cause__ is None


def test_another_dimension_than_the_known_one():
    with pytest.raises(EngineError, match="2 dimensions, not 3"):
        vectors_of(answer(row(A)), 1, 3)
