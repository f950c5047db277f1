"""Mixtures for long runs: faults after which a retry must succeed, and none that takes long."""

from support.fault import Fault
from support.faults_body import WRONG_COUNTS, ragged
from support.faults_connection import (
    CONNECTION_LOSSES,
    close_after_answer,
    rst_after_answer,
    rst_before_any_byte,
    rst_mid_body,
)
from support.faults_desync import STRAYS
from support.faults_encoding import BROKEN_ENCODINGS, trailing_garbage
from support.faults_framing import NOT_HTTP, TRUNCATIONS, illegal_chunk_size
from support.faults_hints import retry_after
from support.faults_numbers import number
from support.faults_status import EMPTY_SUCCESSES, html_error, status, text_error
from support.script import Choice, at_random

RESETS_AND_503: tuple[Fault, ...] = (status(503), rst_before_any_byte, rst_mid_body)
"""G03."""

MIXED: tuple[Fault, ...] = (
    *CONNECTION_LOSSES,
    *TRUNCATIONS,
    illegal_chunk_size,
    *NOT_HTTP[:3],
    *STRAYS,
    close_after_answer,
    rst_after_answer,
    *(status(http) for http in (408, 429, 500, 502, 503, 504)),
    html_error(502),
    text_error(503),
    retry_after("0", http=503),
    *EMPTY_SUCCESSES,
    *WRONG_COUNTS,
    *BROKEN_ENCODINGS,
    ragged,
    number("NaN"),
    trailing_garbage,
)
"""A little of everything in sections B, C and D that a client survives; some of them hold the right answer."""


def mixed(seed: int, rate: float = 0.3) -> Choice:
    """A script: that share of requests meets one of `MIXED`."""
    return at_random(seed, rate, MIXED)
