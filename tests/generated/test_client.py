"""What an importer of the generated client alone gets: defaults, secrecy, one connection pool, the right request; and each
documented answer parsed, each other raised with its status and body.
"""

import asyncio
import copy
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from unittest import mock

import attrs
import httpx
import pytest

from inworld_embeddings_client import (
    AuthenticatedClient,
    Client,
    EmbedRequest,
    Status,
    UnexpectedStatus,
    embed,
)


@pytest.fixture
def body():
    model = {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}
    return EmbedRequest.from_dict({"inputs": [{"text": "Hello Inworld!"}], "model": model})


@pytest.fixture
def seen():
    return []


@pytest.fixture
def answering(seen):
    def make(status=200, content=b'{"embeddings": []}', **settings):
        def reply(request):
            seen.append(request)
            return httpx.Response(status, content=content)

        transport = {"transport": httpx.MockTransport(reply)}
        return AuthenticatedClient(**{"token": "a key", "httpx_args": transport} | settings)

    return make


@pytest.mark.parametrize("make", [Client, lambda: AuthenticatedClient(token="k")])
def test_address_and_timeout_default_to_the_specs_server_and_60_s_of_them_10_s_to_connect(make):
    for client in (make().get_httpx_client(), make().get_async_httpx_client()):
        assert client.base_url == "https://api.inworld.ai"
        assert client.timeout == httpx.Timeout(60, connect=10)
    assert Client(timeout=None).get_httpx_client().timeout == httpx.Timeout(None)


@pytest.mark.parametrize(
    ("settings", "sent"),
    [
        ({}, "Basic k"),
        ({"prefix": "Bearer"}, "Bearer k"),
        ({"prefix": ""}, "k"),
        ({"headers": {"authorization": "Basic other"}}, "Basic k"),  # in whatever case it was given
    ],
)
def test_authorization_is_basic_unless_another_prefix_is_chosen(answering, body, seen, settings, sent):
    embed.sync(client=answering(token="k", **settings), body=body)
    assert seen[0].headers.get_list("authorization") == [sent]


def test_the_key_is_in_no_repr_asdict_pickle_copy_or_header_dict_of_the_caller(answering, body):
    headers, key = {"X-Team": "search"}, "c2VjcmV0LWtleTpzZWNyZXQtdmFsdWU="
    client = answering(token=key, headers=headers)
    embed.sync(client=client, body=body)
    assert headers == {"X-Team": "search"}
    assert key not in f"{client!r} {client} {attrs.asdict(client)}"
    for duplicate in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="not pickled or copied") as caught:
            duplicate(client)
        assert key not in str(caught.value)
    with pytest.raises(TypeError):
        pickle.dumps(attrs.asdict(client)["_token"])


@pytest.mark.parametrize("token", [None, "  ", "sec\nret", "sec\x00ret", "sécret"])
def test_an_unusable_token_is_refused_unseen(token):
    assert AuthenticatedClient(token=" k\n").token == "k"
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        AuthenticatedClient(token=token)
    assert not (token or "").strip() or token not in str(caught.value)


@pytest.mark.parametrize("name", ["Client", "AsyncClient"])
def test_32_threads_share_one_httpx_client(name):
    client, start = AuthenticatedClient(token="k"), threading.Barrier(32)
    get = client.get_httpx_client if name == "Client" else client.get_async_httpx_client

    def slow(**_):
        threading.Event().wait(0.01)  # hold the door open for the other threads
        return object()

    with mock.patch.object(httpx, name, side_effect=slow) as made, ThreadPoolExecutor(32) as threads:
        assert len(set(threads.map(lambda _: start.wait() is None or get(), range(32)))) == 1
    assert made.call_count == 1


def test_a_changed_copy_leaves_the_originals_live_clients():
    client = AuthenticatedClient(token="k", cookies={"a": "1"})
    live = [client.get_httpx_client(), client.get_async_httpx_client()]
    headers = client.with_headers({"X-Team": "search"}).get_httpx_client().headers
    assert (headers["X-Team"], headers["Authorization"]) == ("search", "Basic k")
    assert dict(client.with_cookies({"b": "2"}).get_httpx_client().cookies) == {"a": "1", "b": "2"}
    assert client.with_timeout(3).get_httpx_client().timeout == httpx.Timeout(3)
    for one in live:
        assert ("X-Team" in one.headers, dict(one.cookies)) == (False, {"a": "1"})
        assert one.timeout == httpx.Timeout(60, connect=10)


def test_the_address_is_exact_and_both_faces_send_the_same(answering, body, seen):
    """What is in it: tests/contract/test_exchanges.py."""
    embed.sync_raw(client=answering(base_url="https://api.inworld.ai"), body=body)
    asyncio.run(embed.asyncio_raw(client=answering(base_url="https://api.inworld.ai/"), body=body))
    assert [str(request.url) for request in seen] == ["https://api.inworld.ai/ml/v1alpha/embedding:embed"] * 2
    assert seen[0].content == seen[1].content


# What becomes of an answer.

GOOD = {"embeddings": [{"values": [0.5, -1]}]}
ERROR = {"code": 16, "message": "no", "details": [{"@type": "t", "errorType": "X"}]}
CALLS = {
    "sync": embed.sync,
    "asyncio": lambda **arguments: asyncio.run(embed.asyncio(**arguments)),
    "sync_detailed": lambda **arguments: embed.sync_detailed(**arguments).parsed,
    "asyncio_detailed": lambda **arguments: asyncio.run(embed.asyncio_detailed(**arguments)).parsed,
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_each_kind_of_call_parses_what_is_documented_and_raises_for_the_rest(call, answering, body):
    parsed = call(client=answering(200, json.dumps(GOOD).encode()), body=body)
    assert (type(parsed).__name__, parsed.to_dict()) == ("EmbedResponse", GOOD)
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
