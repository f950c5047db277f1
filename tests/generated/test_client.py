"""What an importer of the generated client alone gets: defaults, secrecy, one connection pool, and the right request."""

import asyncio
import copy
import json
import pickle
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import attrs
import httpx
import pytest

from inworld_embeddings_client import AuthenticatedClient, Client, EmbedResponse, embed

URL = "https://api.inworld.ai/ml/v1alpha/embedding:embed"


# Row: servers ignored, no timeout, Bearer


@pytest.mark.parametrize("make", [Client, lambda: AuthenticatedClient(token="k")])
def test_base_url_defaults_to_the_specs_server(make):
    assert make().get_httpx_client().base_url == "https://api.inworld.ai"
    assert make().get_async_httpx_client().base_url == "https://api.inworld.ai"


@pytest.mark.parametrize("make", [Client, lambda: AuthenticatedClient(token="k")])
def test_timeout_defaults_to_60_s_and_10_s_to_connect(make):
    expected = httpx.Timeout(60, connect=10)
    assert make().get_httpx_client().timeout == make().get_async_httpx_client().timeout == expected


def test_timeout_none_is_a_choice():
    assert Client(timeout=None).get_httpx_client().timeout == httpx.Timeout(None)


def test_authorization_is_basic(answering, body, seen, key):
    embed.sync(client=answering(), body=body)
    assert seen[0].headers.get_list("authorization") == [f"Basic {key}"]


@pytest.mark.parametrize(("prefix", "sent"), [("Bearer", "Bearer k"), ("", "k")])
def test_prefix_can_be_chosen(prefix, sent):
    client = AuthenticatedClient(token="k", prefix=prefix)
    assert client.get_httpx_client().headers["Authorization"] == sent


def test_the_token_replaces_an_authorization_header_in_any_case():
    client = AuthenticatedClient(token="k", headers={"authorization": "Basic other"})
    assert client.get_httpx_client().headers.get_list("authorization") == ["Basic k"]


# Row: token visible in repr, pickle, asdict; written into the caller's header dict


@pytest.fixture
def used(answering, body):
    client = answering(headers={"X-Team": "search"})
    embed.sync(client=client, body=body)
    return client


def test_key_is_not_in_repr(used, key):
    assert key not in repr(used)
    assert key not in str(used)


def test_key_is_not_in_repr_when_it_came_as_a_header_or_auth(key):
    client = Client(
        headers={"Authorization": f"Basic {key}"}, cookies={"k": key}, httpx_args={"auth": ("a", key)}
    )
    assert key not in repr(client)


def test_key_is_not_in_asdict(used, key):
    assert key not in repr(attrs.asdict(used))


@pytest.mark.parametrize("duplicate", [pickle.dumps, copy.copy, copy.deepcopy])
def test_pickle_and_copy_are_refused(used, duplicate, key):
    with pytest.raises(TypeError, match="not pickled or copied") as caught:
        duplicate(used)
    assert key not in str(caught.value)


def test_the_hidden_token_is_not_picklable_either(used):
    with pytest.raises(TypeError):
        pickle.dumps(attrs.asdict(used)["_token"])


def test_key_is_not_written_into_the_callers_headers():
    headers = {"X-Team": "search"}
    client = AuthenticatedClient(token="k", headers=headers)
    client.get_httpx_client()
    client.get_async_httpx_client()
    assert headers == {"X-Team": "search"}


def test_token_can_be_asked_for_by_name(key):
    assert AuthenticatedClient(token=f" {key}\n").token == key


@pytest.mark.parametrize("token", ["", "  ", "sec\nret", "sec\x00ret", "sécret"])
def test_an_unusable_token_is_refused_unseen(token):
    with pytest.raises(ValueError, match="printable ASCII") as caught:
        AuthenticatedClient(token=token)
    assert not token.strip() or token not in str(caught.value)


# Row: lazy httpx client built without a lock


@pytest.mark.parametrize("name", ["get_httpx_client", "get_async_httpx_client"])
def test_32_threads_share_one_httpx_client(monkeypatch, name):
    made = []
    kind = httpx.Client if name == "get_httpx_client" else httpx.AsyncClient
    real = kind.__init__

    def slow(self, **settings):
        made.append(self)
        threading.Event().wait(0.01)  # hold the door open for the other threads
        real(self, **settings)

    monkeypatch.setattr(kind, "__init__", slow)
    client, start = AuthenticatedClient(token="k"), threading.Barrier(32)

    def get(_):
        start.wait()
        return getattr(client, name)()

    with ThreadPoolExecutor(32) as threads:
        got = list(threads.map(get, range(32)))
    assert len(made) == 1
    assert all(one is made[0] for one in got)


# Row: with_headers() & co. mutate the original's live client


def test_with_headers_leaves_the_originals_live_clients():
    client = AuthenticatedClient(token="k")
    live = [client.get_httpx_client(), client.get_async_httpx_client()]
    other = client.with_headers({"X-Team": "search"})
    assert all("X-Team" not in one.headers for one in live)
    assert other.get_httpx_client().headers["X-Team"] == "search"
    assert other.get_httpx_client().headers["Authorization"] == "Basic k"


def test_with_cookies_leaves_the_originals_live_clients():
    client = Client(cookies={"a": "1"})
    live = [client.get_httpx_client(), client.get_async_httpx_client()]
    other = client.with_cookies({"b": "2"})
    assert all(dict(one.cookies) == {"a": "1"} for one in live)
    assert dict(other.get_httpx_client().cookies) == {"a": "1", "b": "2"}


def test_with_timeout_leaves_the_originals_live_clients():
    client = Client()
    live = [client.get_httpx_client(), client.get_async_httpx_client()]
    other = client.with_timeout(httpx.Timeout(3))
    assert all(one.timeout == httpx.Timeout(60, connect=10) for one in live)
    assert other.get_httpx_client().timeout == httpx.Timeout(3)


# The request


@pytest.mark.parametrize("base_url", ["https://api.inworld.ai", "https://api.inworld.ai/"])
def test_url_on_the_wire_is_exact(answering, body, seen, base_url):
    embed.sync_raw(client=answering(base_url=base_url), body=body)
    asyncio.run(embed.asyncio_raw(client=answering(base_url=base_url), body=body))
    assert [str(request.url) for request in seen] == [URL, URL]
    assert {request.url.raw_path for request in seen} == {b"/ml/v1alpha/embedding:embed"}
    assert {request.method for request in seen} == {"POST"}


def test_body_on_the_wire_is_the_request(answering, body, seen):
    embed.sync_raw(client=answering(), body=body)
    assert json.loads(seen[0].content) == {
        "inputs": [{"text": "Hello Inworld!"}],
        "model": {"model": "BAAI/bge-large-en-v1.5", "serviceProvider": "SERVICE_PROVIDER_INWORLD"},
    }
    assert seen[0].headers["content-type"] == "application/json"


def test_a_real_socket_carries_the_request(body):
    lines = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            lines.append((self.requestline, self.headers["Authorization"]))
            self.rfile.read(int(self.headers["Content-Length"]))
            self.send_response(200)
            self.send_header("Content-Length", "2")
            self.end_headers()
            self.wfile.write(b"[]")

        def log_message(self, *_):
            pass

    with HTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        address = f"http://127.0.0.1:{server.server_port}"
        with AuthenticatedClient(base_url=address, token="k", httpx_args={"trust_env": False}) as client:
            answer = embed.sync_raw(client=client, body=body)
    assert lines == [("POST /ml/v1alpha/embedding:embed HTTP/1.1", "Basic k")]
    assert answer.content == b"[]"


def test_a_plain_client_takes_its_authentication_as_httpx_auth(body):
    class Fresh(httpx.Auth):
        def auth_flow(self, request):
            request.headers["Authorization"] = "Bearer fresh"
            yield request

    seen = []
    transport = httpx.MockTransport(
        lambda request: seen.append(request) or httpx.Response(200, json={"embeddings": []})
    )
    client = Client(httpx_args={"transport": transport, "auth": Fresh()})
    assert embed.sync(client=client, body=body) == EmbedResponse(embeddings=[])
    assert seen[0].headers["Authorization"] == "Bearer fresh"
