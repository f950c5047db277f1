"""Long texts: told, and cut into pieces that fit."""

import logging
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings import MODELS, ConfigurationError, chunk
from inworld_embeddings.chunking import _tokens, surely_longer
from inworld_embeddings.testing import local_client

WORDS = "the quick brown fox jumps over the lazy dog and runs home. "


def test_only_what_is_surely_longer_is_told():
    short = ["", "word " * 128, " " * 10_000, "文" * 2048 + " 文", "a" * 17 + " " + "b" * 2100]
    short.append("x" * 100_000)  # a single unknown token, for some
    long = ["word " * 129, f"{'文' * 16} " * 129]
    assert [surely_longer(text, 128) for text in short + long] == [False] * 6 + [True] * 2


@given(st.text("ab .!?\n文é", max_size=400), st.integers(1, 20))
def test_every_piece_fits_and_nothing_but_space_is_lost(text, most):
    pieces = chunk(text, max_tokens=most)
    assert all(_tokens(piece) <= most for piece in pieces)
    assert all(piece == piece.strip() and piece for piece in pieces)
    assert re.sub(r"\s", "", "".join(pieces)) == re.sub(r"\s", "", text)


def test_pieces_of_a_model_are_not_told_as_long():
    for model in MODELS.values():
        pieces = chunk(WORDS * 3000, model.name)
        assert {piece[-1] for piece in pieces} == {"."}, "they end with sentences if they can"
        assert len({*pieces[:-1]}) == 1, "each is as full as can be"
        assert not any(surely_longer(piece, model.max_tokens) for piece in pieces)
        assert all(_tokens(piece) + 2 <= model.max_tokens for piece in pieces), "it adds one at each end"
        assert len(pieces[0].split()) > model.max_tokens / 3, "not wastefully small"


@pytest.mark.parametrize("wrong", [{"model": "another"}, {"max_tokens": 0}])
def test_what_cannot_be_is_refused(wrong):
    with pytest.raises(ConfigurationError, match="max_tokens"):
        chunk("a", **wrong)


def test_a_call_warns_once_and_a_plan_counts(caplog):
    long = ["short", "word " * 200, "word " * 300]
    with local_client(batch_size=2) as client:
        assert client.plan(long).long_texts == 2
        client.embed(long)
        list(client.embed_iter(long))
        client.embed(long[1])
        client.embed(long, warn_long=False)
        client.embed(long, model="another")
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    first = [warning.partition(" is longer than the 128 tokens")[0] for warning in warnings]
    assert first == ["inputs[1]", "inputs[1]", "inputs[0]"]
