"""Lines as they come in, and what ends a stream of them."""

import asyncio
import io
from collections import deque
from unittest import mock

import pytest

from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings.cli import lines
from inworld_embeddings.cli.lines import Feed, Line, blocks_of, embedded
from inworld_embeddings.result import failure


@pytest.mark.parametrize("block", [1, 2, 3, 1 << 16])
def test_lines_are_numbered_and_blank_ones_left_out(monkeypatch, block):
    monkeypatch.setattr(lines, "BLOCK", block)
    monkeypatch.setattr(lines, "LONGEST", 9)
    file = io.BytesIO("\ufeffone\r\n\n \t\r\nzwölf\n".encode() + b"caf\xe9\n" + b"x" * 20 + b"\nlast")
    found = [line for some in blocks_of(file, "f") for line in some]
    assert found == [(1, "one"), (4, "zwölf"), (5, "caf\udce9"), (6, "x" * 9), (7, "last")]


def outcomes(client, feed):
    """A letter for each line, v for a vector, else that of its error; and what ended it."""
    told = ""
    try:
        for line, outcome in embedded(client, feed):
            assert line.number == len(told) + 1
            told += type(outcome).__name__[0] if isinstance(outcome, Exception) else "v"
    except errors.InworldEmbeddingsError as error:
        return told, type(error).__name__
    return told, None


ERRORS = {"B": errors.BadRequestError(), "I": errors.InternalServerError(), "A": errors.AuthenticationError()}


class Scripted:
    """The feed and the client: each text comes to what its letter says, until it is stopped and no more of them come."""

    def __init__(self, script):
        self.script, self.sent, self.stop = script, deque(), mock.Mock()

    def embed_iter(self, feed, **_):
        for index, kind in enumerate(self.script):
            if kind == "." and self.stop.called:
                return
            self.sent.append(Line(index + 1, ""))
            yield index, failure(index, ERRORS[kind]) if kind in ERRORS else None


@pytest.mark.parametrize(
    ("script", "told", "ended"),
    [
        ("vvBvBB", "vvBvBB", None),  # a refused text costs no other
        ("BBBBBB", "BBBBBB", None),
        ("vIIvII", "vIIvII", None),  # nor does a batch that fails
        ("II....", "", "InternalServerError"),  # a service that is down from the beginning is asked no more
        ("vIIIv....", "vIIIv", "InternalServerError"),  # nor one that stays down; what was in work is told
        ("vvAAv...", "vvAAv", "AuthenticationError"),  # nor one that takes the key no more
        ("BA..", "B", "AuthenticationError"),
    ],
)
def test_what_is_refused_is_told_in_its_place_and_what_ends_all_ends_it(monkeypatch, script, told, ended):
    monkeypatch.setattr(lines, "HOPELESS", 3)
    both = Scripted(script)
    assert outcomes(both, both) == (told, ended)


def test_texts_that_cannot_be_sent_cost_no_other():
    given = [Line(number, text) for number, text in enumerate(["a", "\udcff", "x" * 2_000_000, "b"], 1)]
    with EmbeddingClient.local() as client:
        assert outcomes(client, Feed(iter([given]))) == ("vIIv", None)


def test_lines_are_read_only_as_fast_as_they_are_taken():
    read = []

    async def take_three():
        texts = aiter(Feed(read.append(number) or [Line(number, "x")] for number in range(1000)))
        for _ in range(3):
            await anext(texts)
        await asyncio.sleep(0.05)
        await texts.aclose()

    asyncio.run(take_three())
    assert len(read) <= 6
