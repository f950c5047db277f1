"""The signed request for a token, and what its response says."""

import json

import pytest

from inworld_embeddings import errors
from inworld_embeddings._error_mapping import Response
from inworld_embeddings._jwt import UNKNOWN_LIFETIME, authorization, read_token, refusal
from inworld_embeddings._redaction import Redactor, Secret

NOW, DATE, END = 1747363826.0, "Fri, 16 May 2025 02:50:26 GMT", "2025-05-16T03:50:26Z"  # an hour apart
VECTOR = "a7c2a9aa136f45175e34e54a8e740f5f057a1e2c80070428fda53750f81b5251"


def test_the_published_vector():
    header = authorization(Secret("the-key"), Secret("testsecret"), NOW, "0123456789a")
    assert header.reveal() == (
        f"IW1-HMAC-SHA256 ApiKey=the-key,DateTime=20250516025026,Nonce=0123456789a,Signature={VECTOR}"
    )


GOOD = {"token": "header.pay-load.sig_nature", "type": "Bearer", "expirationTime": END}


def response(status, content, date):
    return Response(status, [(b"Date", date.encode())] if date else [], content)


def read(body, *, now=NOW, date=DATE, leeway=60.0):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_token(response(200, content, date), now=now, leeway=leeway)


@pytest.mark.parametrize(
    ("ends", "options", "seconds"),
    [
        (END, {}, 3540),
        (END, {"leeway": 0}, 3600),
        ("2025-05-16T02:52:26Z", {}, 60),
        ("2025-05-16T02:50:46Z", {}, 10),  # half of a short life at most is given up
        ("2025-05-16T05:50:26.000000001+02:00", {}, 3540),
        ("2025-05-16T03:50:26", {}, 3540),
        ("2025-05-16T02:50:26Z", {}, UNKNOWN_LIFETIME),
        ("1970-01-01T00:00:00Z", {}, UNKNOWN_LIFETIME),
        *((END, {"now": NOW + skew}, 3540) for skew in (-7200, 7200, 1e9)),  # with a Date our clock does not count
        *((END, {"now": NOW + 1800, "date": date}, 1740) for date in (None, "", "yesterday")),
        (END, {"now": NOW + 7200, "date": "Fri, 99 May 2025 99:50:26 GMT"}, UNKNOWN_LIFETIME),
        *((ends, {}, UNKNOWN_LIFETIME) for ends in (None, "", "soon", 1747363826, {}, "2025-13-45T99:00:00Z")),
    ],
)  # fmt: skip
def test_how_long_a_token_is_used(ends, options, seconds):
    token, use_for = read(GOOD | {"expirationTime": ends}, **options)
    assert (token.reveal(), use_for) == (GOOD["token"], seconds)


NO_TOKENS = [
    *(b"<html><title>Log in</title>planted</html>", b"", b"[]", b'{"a": ' + b"[" * 100_000),
    b'{"token": "planted\xff"}',
    {"accessToken": "planted"},
    *(GOOD | {"token": token} for token in (None, "", ["planted"], "planted with spaces", "plantéd")),
    *(GOOD | {"token": token} for token in ("planted\r\nX-Header: 1", "planted" * 10_000)),
    *(GOOD | {"type": kind} for kind in ("planted", 7)),
]


@pytest.mark.parametrize("body", NO_TOKENS, ids=range(len(NO_TOKENS)))
def test_what_is_no_token_is_refused_without_echo(body):
    with pytest.raises(errors.APIResponseValidationError, match="token_url") as caught:
        read(body)
    assert "plant" not in str(caught.value)


@pytest.mark.parametrize(
    ("date", "says"),
    [
        (DATE, "clock is 0 s ahead of the server's"),
        ("Fri, 16 May 2025 00:50:26 GMT", "clock is 7200 s ahead of the server's"),
        ("Fri, 16 May 2025 02:51:56 GMT", "clock is 90 s behind the server's"),
        (None, "check this machine's clock"),
    ],
)
def test_a_refused_signature_speaks_of_the_clock(date, says):
    body = b'{"code": 7, "message": "invalid authorization signature", "details": []}'
    error = refusal(response(403, body, date), now=NOW, redactor=Redactor([]))
    assert type(error) is errors.PermissionDeniedError
    assert says in str(error)
