"""What becomes of an answer: the documented ones are parsed, the others raise with their status and body."""

import asyncio
import json

import pytest

from inworld_embeddings_client import Embedding, EmbedResponse, Status, UnexpectedStatus, embed

GOOD = EmbedResponse(embeddings=[Embedding(values=[0.5, -1])])
ERROR = {"code": 16, "message": "no", "details": [{"@type": "t", "errorType": "X"}]}
CALLS = {
    "sync": embed.sync,
    "asyncio": lambda **arguments: asyncio.run(embed.asyncio(**arguments)),
    "sync_detailed": lambda **arguments: embed.sync_detailed(**arguments).parsed,
    "asyncio_detailed": lambda **arguments: asyncio.run(embed.asyncio_detailed(**arguments)).parsed,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_each_kind_of_call_parses_what_is_documented_and_raises_for_the_rest(call, answering, body):
    assert call(client=answering(200, b'{"embeddings": [{"values": [0.5, -1]}]}'), body=body) == GOOD
    for status in (401, 499, 529):  # also those that the spec does not name
        parsed = call(client=answering(status, json.dumps(ERROR).encode()), body=body)
        assert (type(parsed), parsed.to_dict()) == (Status, ERROR)
    with pytest.raises(UnexpectedStatus):
        call(client=answering(520, b"<html>"), body=body)


UNFIT = {
    "520 of a proxy": (520, b"<html>520</html>"),
    "HTML 200": (200, b"<!doctype html><title>Login</title>"),
    "204": (204, b""),
    "200 with an error inside": (200, b'{"code": 13, "message": "x"}'),
    "not UTF-8": (200, b"\xff\xfe\xff"),
    "nested too deep": (200, b'{"embeddings": ' + b"[" * 200_000),
    "streaming envelope": (503, b'{"error": {"code": 14}}'),
}


@pytest.mark.parametrize(("status", "content"), UNFIT.values(), ids=UNFIT)
def test_an_unfit_answer_raises_with_status_and_body_or_is_none_or_raw(answering, body, status, content):
    with pytest.raises(UnexpectedStatus) as caught:
        embed.sync(client=answering(status, content), body=body)
    assert (type(caught.value.status_code), caught.value.status_code) == (int, status)
    assert caught.value.content == content
    client = answering(status, content, raise_on_unexpected_status=False)
    response = embed.sync_detailed(client=client, body=body)
    assert (response.parsed, response.status_code, response.content) == (None, status, content)
    raw = embed.sync_raw(client=client, body=body), asyncio.run(embed.asyncio_raw(client=client, body=body))
    assert [(response.status_code, response.content) for response in raw] == [(status, content)] * 2


@pytest.mark.parametrize("content", [b"x" * 10_000_000, b"\x1b[31m\r\n\x00\xff" * 1000], ids=range(2))
def test_the_message_is_bounded_and_has_no_control_characters(content):
    error = UnexpectedStatus(500, content)
    assert len(str(error)) < 600
    assert len(repr(error)) < 1300
    assert str(error).isprintable()
    assert error.content is content
