"""What becomes of an answer: the documented ones are parsed, the others raise with their status and body."""

import asyncio
import pickle

import pytest

from inworld_embeddings_client import Embedding, EmbedResponse, ProtobufAny, Status, UnexpectedStatus, embed

GOOD = b'{"embeddings": [{"values": [0.5, -1]}]}'


def run(coroutine):
    return asyncio.run(coroutine)


CALLS = {
    "sync": embed.sync,
    "asyncio": lambda **arguments: run(embed.asyncio(**arguments)),
    "sync_detailed": lambda **arguments: embed.sync_detailed(**arguments).parsed,
    "asyncio_detailed": lambda **arguments: run(embed.asyncio_detailed(**arguments)).parsed,
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


@every_call
def test_200_is_parsed(call, answering, body):
    expected = EmbedResponse(embeddings=[Embedding(values=[0.5, -1])])
    assert call(client=answering(200, GOOD), body=body) == expected


@every_call
@pytest.mark.parametrize("status", [400, 401, 429, 499, 500, 503, 520, 529])
def test_a_json_error_of_any_status_is_parsed_as_status(call, answering, body, status):
    content = b'{"code": 16, "message": "no", "details": [{"@type": "t", "errorType": "X"}]}'
    parsed = call(client=answering(status, content), body=body)
    assert isinstance(parsed, Status)
    assert (parsed.code, parsed.message) == (16, "no")
    assert isinstance(parsed.details, list)
    assert isinstance(parsed.details[0], ProtobufAny)
    assert parsed.details[0].to_dict() == {"@type": "t", "errorType": "X"}


@pytest.mark.parametrize("status", [200, 499, 520, 529, 599])
def test_status_code_is_a_plain_int(answering, body, status):
    content = GOOD if status == 200 else b'{"code": 1}'
    assert type(embed.sync_detailed(client=answering(status, content), body=body).status_code) is int


UNFIT = {
    "499 of a proxy": (499, b"client closed"),
    "520 of a proxy": (520, b"<html>520</html>"),
    "529 of a proxy": (529, b"overloaded"),
    "HTML 200": (200, b"<!doctype html><title>Login</title>"),
    "HTML 502": (502, b"<html><h1>502</h1>"),
    "empty 200": (200, b""),
    "empty 500": (500, b""),
    "204": (204, b""),
    "206": (206, GOOD),
    "200 {}": (200, b"{}"),
    "500 {}": (500, b"{}"),
    "200 with an error inside": (200, b'{"code": 13, "message": "x"}'),
    "200 list": (200, b"[]"),
    "200 null": (200, b"null"),
    "200 string": (200, b'"embeddings"'),
    "embeddings is a string": (200, b'{"embeddings": "ab"}'),
    "embeddings is an object": (200, b'{"embeddings": {"values": [1]}}'),
    "embedding is null": (200, b'{"embeddings": [null]}'),
    "embedding is a list": (200, b'{"embeddings": [[1, 2]]}'),
    "embedding has no values": (200, b'{"embeddings": [{}]}'),
    "values is a number": (200, b'{"embeddings": [{"values": 1}]}'),
    "values is a string": (200, b'{"embeddings": [{"values": "12"}]}'),
    "details is an object": (500, b'{"code": 1, "details": {}}'),
    "not UTF-8": (200, b"\xff\xfe\xff"),
    "nested too deep": (200, b'{"embeddings": ' + b"[" * 200_000),
    "streaming envelope": (503, b'{"error": {"code": 14}}'),
}


@pytest.mark.parametrize(("status", "content"), UNFIT.values(), ids=UNFIT)
def test_an_unfit_answer_raises_with_status_and_body(answering, body, status, content):
    with pytest.raises(UnexpectedStatus) as caught:
        embed.sync(client=answering(status, content), body=body)
    assert caught.value.status_code == status
    assert type(caught.value.status_code) is int
    assert caught.value.content == content


@every_call
def test_an_unfit_answer_raises_from_every_call(call, answering, body):
    with pytest.raises(UnexpectedStatus):
        call(client=answering(520, b"<html>"), body=body)


@pytest.mark.parametrize(("status", "content"), UNFIT.values(), ids=UNFIT)
def test_an_unfit_answer_is_none_where_asked_for(answering, body, status, content):
    client = answering(status, content, raise_on_unexpected_status=False)
    response = embed.sync_detailed(client=client, body=body)
    assert response.parsed is None
    assert (response.status_code, response.content) == (status, content)
    assert embed.sync(client=client, body=body) is None


@pytest.mark.parametrize(("status", "content"), [(200, GOOD), (520, b"<html>"), (204, b"")])
def test_raw_answers_are_not_judged(answering, body, status, content):
    client = answering(status, content)
    for response in (
        embed.sync_raw(client=client, body=body),
        run(embed.asyncio_raw(client=client, body=body)),
    ):
        assert (response.status_code, response.content) == (status, content)


@pytest.mark.parametrize("content", [b'{"embeddings": null}', b'{"embeddings": []}'])
def test_a_null_list_is_an_empty_list(answering, body, content):
    assert embed.sync(client=answering(200, content), body=body) == EmbedResponse(embeddings=[])


def test_null_values_are_an_empty_list(answering, body):
    parsed = embed.sync(client=answering(200, b'{"embeddings": [{"values": null}]}'), body=body)
    assert parsed == EmbedResponse(embeddings=[Embedding(values=[])])


def test_null_details_are_an_empty_list(answering, body):
    assert embed.sync(client=answering(500, b'{"code": 2, "details": null}'), body=body) == Status(
        code=2, details=[]
    )


@pytest.mark.parametrize(
    "content",
    [b"x" * 10_000_000, b"\x1b[31m\r\n\x00" * 1000, "é\u2028\u202e".encode() * 1000, b"\xff" * 9999],
)
def test_the_message_is_bounded_and_has_no_control_characters(content):
    error = UnexpectedStatus(500, content)
    assert len(str(error)) < 600
    assert len(repr(error)) < 1300
    assert str(error).isprintable()
    assert error.content is content


def test_a_short_body_is_in_the_message_as_it_is():
    assert str(UnexpectedStatus(503, "kein Dienst: é".encode())).endswith(
        "status 503, 15 bytes: kein Dienst: é"
    )


def test_the_error_survives_pickling():
    error = pickle.loads(pickle.dumps(UnexpectedStatus(520, b"<html>")))
    assert (error.status_code, error.content) == (520, b"<html>")
