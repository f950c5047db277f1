"""Token answers: how long a token is used, what is refused, and what a refusal says."""

import json

import pytest

from inworld_embeddings import errors
from inworld_embeddings._core.redact import Redactor
from inworld_embeddings._core.reply import Reply
from inworld_embeddings._core.token_answer import (
    LONGEST_USE,
    SHORTEST_USE,
    UNKNOWN_LIFETIME,
    read_token,
    refusal,
    use_for,
)

NOW = 1747363826.0  # 2025-05-16T02:50:26Z
DATE = "Fri, 16 May 2025 02:50:26 GMT"
GOOD = {"token": "header.pay-load.sig_nature", "type": "Bearer", "expirationTime": "2025-05-16T03:50:26Z"}


def reply(body, *, status=200, date=DATE):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return Reply(status, (("date", date),) if date else (), content)


def used_for(*, now=NOW, date=DATE, leeway=60.0, **changed):
    return read_token(reply(GOOD | changed, date=date), now=now, leeway=leeway).use_for


@pytest.mark.parametrize(
    ("lifetime", "leeway", "seconds"),
    [
        (3600, 60, 3540),
        (3600, 0, 3600),
        (120, 60, 60),
        (20, 60, 10),  # half of a short life at most is given up
        (0.5, 60, SHORTEST_USE),
        (1e12, 60, LONGEST_USE),
        (None, 60, UNKNOWN_LIFETIME),
    ],
)
def test_use(lifetime, leeway, seconds):
    assert use_for(lifetime, leeway) == seconds


def test_a_good_token():
    token = read_token(reply(GOOD), now=NOW, leeway=60)
    assert (token.value.reveal(), token.use_for) == (GOOD["token"], 3540)
    assert GOOD["token"] not in repr(token)


@pytest.mark.parametrize("skew", [-7200, 7200, 1e9])
def test_with_a_date_our_clock_does_not_count(skew):
    assert used_for(now=NOW + skew) == 3540


def test_without_a_date_our_clock_has_to_do():
    assert used_for(now=NOW + 1800, date=None) == 1740


@pytest.mark.parametrize("date", [None, "", "yesterday", "Fri, 99 May 2025 99:50:26 GMT"])
def test_without_a_date_a_past_end_is_no_proof(date):
    assert used_for(now=NOW + 7200, date=date) == UNKNOWN_LIFETIME


@pytest.mark.parametrize("ends", [None, "", "soon", 1747363826, {}, "2025-13-45T99:00:00Z", "9" * 5000])
def test_without_a_readable_end_the_lifetime_is_unknown(ends):
    assert used_for(expirationTime=ends) == UNKNOWN_LIFETIME


@pytest.mark.parametrize(
    "ends",
    [
        "2025-05-16T03:50:26.000Z",
        "2025-05-16T03:50:26.000000001Z",
        "2025-05-16T05:50:26+02:00",
        "2025-05-16T03:50:26",
    ],
)
def test_ways_to_write_the_end(ends):
    assert used_for(expirationTime=ends) == 3540


@pytest.mark.parametrize("ends", ["9999-12-31T23:59:59Z", "2125-05-16T03:50:26Z"])
def test_a_far_future_is_capped(ends):
    assert used_for(expirationTime=ends) == LONGEST_USE


@pytest.mark.parametrize("ends", ["2025-05-16T02:50:26Z", "2025-05-16T02:50:00Z", "1970-01-01T00:00:00Z"])
def test_a_token_that_the_server_calls_expired_is_refused(ends):
    with pytest.raises(errors.AuthenticationError, match="server's own clock"):
        used_for(expirationTime=ends)


@pytest.mark.parametrize("kind", ["bearer", "BEARER", "", None])
def test_types_that_are_bearer(kind):
    assert used_for(type=kind) == 3540


@pytest.mark.parametrize(
    "body",
    [
        b"<html><title>Log in</title>planted</html>",
        b"",
        b"null",
        b"[]",
        b"[" * 100_000,
        {},
        GOOD | {"token": None},
        GOOD | {"token": ""},
        GOOD | {"token": 5},
        GOOD | {"token": ["planted"]},
        GOOD | {"token": "planted with spaces"},
        GOOD | {"token": "planted\r\nX-Header: 1"},
        GOOD | {"token": "plantéd"},
        GOOD | {"token": "planted" * 10_000},
        GOOD | {"type": "planted"},
        GOOD | {"type": 7},
        {"accessToken": "planted"},
    ],
    ids=range(17),
)
def test_what_is_no_token_is_refused_without_echo(body):
    with pytest.raises(errors.APIResponseValidationError) as caught:
        read_token(reply(body), now=NOW, leeway=60)
    assert "plant" not in str(caught.value)


def refused(status, message="no", *, now=NOW, date=DATE):
    answer = reply({"code": 7, "message": message, "details": []}, status=status, date=date)
    return refusal(answer, now=now, redactor=Redactor(["planted-key", "planted-secret"]))


@pytest.mark.parametrize(
    ("status", "kind", "says"),
    [
        (204, errors.APIResponseValidationError, "HTTP 204"),
        (302, errors.RedirectError, "never followed"),
        (400, errors.AuthenticationError, "workspace"),
        (401, errors.AuthenticationError, "key, secret and workspace"),
        (403, errors.PermissionDeniedError, "key, secret and workspace"),
        (404, errors.NotFoundError, "token_url"),
        (413, errors.AuthenticationError, "HTTP 413"),
        (429, errors.RateLimitError, "HTTP 429"),
        (503, errors.InternalServerError, "HTTP 503"),
    ],
)
def test_refusals(status, kind, says):
    error = refused(status)
    assert (type(error), error.status_code if status >= 300 else 0) == (kind, status if status >= 300 else 0)
    assert says in str(error)


def test_a_refusal_of_the_size_is_not_about_a_text():
    assert type(refused(429, "received message larger than max (5 vs. 4)")) is errors.AuthenticationError


@pytest.mark.parametrize(
    ("message", "now", "date", "says", "silent"),
    [
        ("invalid authorization signature", NOW + 7200, DATE, "clock is 7200 s ahead of", "agrees"),
        ("invalid authorization signature", NOW - 90, DATE, "clock is 90 s behind", "agrees"),
        ("Invalid Authorization Signature", NOW + 30, DATE, "clock agrees with the server's", "ahead"),
        ("invalid authorization signature", NOW, None, "Check this machine's clock", "agrees"),
        ("key was deleted", NOW + 7200, DATE, "clock is 7200 s ahead of", "agrees"),
        ("key was deleted", NOW + 30, DATE, "key was deleted. Check key", "clock"),
        ("key was deleted", NOW, None, "key was deleted. Check key", "clock"),
    ],
)
def test_what_a_refusal_says_about_the_clock(message, now, date, says, silent):
    text = str(refused(403, message, now=now, date=date))
    assert says in text
    assert silent not in text


def test_an_echoed_key_is_redacted():
    assert "planted" not in str(refused(403, 'API key "planted-key" with "plan***" is unknown'))
