"""The canaries themselves: which go out, where they are put, and what counts as theirs."""

import random

import numpy as np
import pytest

from inworld_embeddings import APIResponseValidationError
from inworld_embeddings._core import batches
from inworld_embeddings._core.canary import APART, COST, DOUBTFUL, TOLERANCE, WORDS, Flock, laden
from inworld_embeddings._core.encode import encoded_size, envelope_size
from support.vectors import vectors_for

VECTORS = vectors_for(WORDS, 32)


def batch_of(*texts):
    return batches.batch_of(tuple(range(len(texts))), texts)


def vectors_of(batch):
    return vectors_for(batch.texts, 32)


def test_there_are_64_and_each_costs_the_same():
    assert len(set(WORDS)) == 64 == len(WORDS)
    assert {encoded_size(word) + 1 for word in WORDS} == {COST}


def test_no_two_are_out_at_once_and_the_one_that_rested_longest_goes_first():
    flock = Flock(VECTORS)
    out = [flock.take() for _ in range(64)]
    assert sorted(out) == list(range(64))
    for number in (5, 3, 60):
        flock.give_back(number)
    assert [flock.take() for _ in range(3)] == [5, 3, 60]


def test_beyond_64_they_are_shared_evenly_and_all_come_back():
    flock = Flock(VECTORS)
    out = [flock.take() for _ in range(150)]
    assert max(map(out.count, range(64))) == 3
    assert min(map(out.count, range(64))) == 2
    for number in out:
        flock.give_back(number)
    assert sorted(flock.take() for _ in range(64)) == list(range(64))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 7])
def test_its_place_is_anywhere_but_the_exact_middle(size):
    batch, flock = batch_of(*"abcdefg"[:size]), Flock(VECTORS)
    places = {laden(batch, flock, 0, lambda at=at: at / 100).position for at in range(100)}
    assert places == set(range(size + 1)) - ({size // 2} if size % 2 == 0 else set())


@pytest.mark.parametrize("at", [0.0, 0.3, 0.6, 0.99])
def test_it_leaves_no_trace_in_the_answer(at):
    batch = batch_of("one", "two", "three")
    sent = laden(batch, Flock(VECTORS), 9, lambda: at)
    assert len(sent) == 4
    assert sent.texts[sent.position] == WORDS[9]
    assert sent.size == sum(map(encoded_size, sent.texts)) + 3
    rows = sent.checked(vectors_of(sent))
    assert np.array_equal(rows, vectors_of(batch))
    assert rows.flags.c_contiguous


@pytest.mark.parametrize(
    "mix_up",
    [
        lambda rows: rows[::-1],
        lambda rows: np.roll(rows, 1, axis=0),
        lambda rows: np.roll(rows, -1, axis=0),
        lambda rows: vectors_for(["somebody", "else", "s", "texts", "!"], 32),
        np.zeros_like,
        lambda rows: rows[:, :16],
        lambda rows: np.full_like(rows, 3e38),
    ],
    ids=["reversed", "rotated", "rotated back", "another's", "zeros", "shorter", "huge"],
)
@pytest.mark.parametrize("size", [1, 2, 3, 4])
def test_a_mix_up_shows(mix_up, size):
    batch = batch_of(*"abcd"[:size])
    for seed in range(20):
        sent = laden(batch, Flock(VECTORS), seed, random.Random(seed).random)
        rows = mix_up(vectors_of(sent))
        rows = rows[: len(sent)]
        with pytest.raises(APIResponseValidationError, match="known text"):
            sent.checked(rows)


def test_rows_put_in_order_of_length_show_in_most_batches():
    """A usual bug: sorted by length for speed, and never sorted back."""
    batch, seen = batch_of("a" * 50, "b" * 9, "c", "d" * 20), 0
    for seed in range(50):
        sent = laden(batch, Flock(VECTORS), 0, random.Random(seed).random)
        order = sorted(range(len(sent)), key=lambda row: -len(sent.texts[row]))
        try:
            sent.checked(vectors_of(sent)[order])
        except APIResponseValidationError:
            seen += 1
    assert seen > 30


@pytest.mark.parametrize(("share", "good"), [(0.9, True), (1.1, False)])
def test_the_tolerance_is_relative_to_the_length(share, good):
    for scale in (1e-3, 1.0, 1e6):
        flock = Flock(VECTORS * np.float32(scale))
        known = VECTORS[0] * np.float32(scale)
        noise = np.random.default_rng(1).normal(size=32)
        noise *= share * TOLERANCE * np.linalg.norm(known) / np.linalg.norm(noise)
        if good:
            flock.check(0, (known + noise).astype(np.float32))
        else:
            with pytest.raises(APIResponseValidationError) as caught:
                flock.check(0, (known + noise).astype(np.float32))
            assert caught.value.retryable


def test_half_precision_is_well_within_the_tolerance():
    Flock(VECTORS).check(7, VECTORS[7].astype(np.float16).astype(np.float32))


@pytest.mark.parametrize("factors", [(1, 1 + APART / 2), (1, 1), (0, 0)])
def test_canaries_that_look_alike_are_refused(factors):
    vectors = VECTORS.copy()
    vectors[5], vectors[50] = factors[0] * VECTORS[5], factors[1] * VECTORS[5]
    with pytest.raises(APIResponseValidationError) as caught:
        Flock(vectors)
    assert not caught.value.retryable


def test_only_wrong_answers_make_what_was_learned_doubtful():
    flock = Flock(VECTORS)

    def ask(vector):
        try:
            flock.check(0, vector)
        except APIResponseValidationError:
            return

    for vector in (VECTORS[1],) * (DOUBTFUL - 1):
        ask(vector)
    ask(VECTORS[0])
    ask(VECTORS[1])
    assert not flock.doubtful
    for _ in range(DOUBTFUL - 1):
        ask(VECTORS[1])
    assert flock.doubtful


def test_the_cost_is_what_it_adds_to_a_body():
    batch = batch_of("one", "two")
    sent = laden(batch, Flock(VECTORS), 0, lambda: 0.5)
    assert sent.size - batch.size == COST
    assert envelope_size("m", "p") + sent.size < 200
