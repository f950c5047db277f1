"""JWTAuth and what is behind it, over a token endpoint in this process. Clocks are arguments; nothing waits for time."""

import asyncio
import base64
import contextlib
import copy
import json
import pickle
import re
import subprocess
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
import pytest

from inworld_embeddings import BasicAuth, EmbeddingClient, JWTAuth, errors
from inworld_embeddings._error_mapping import Response
from inworld_embeddings._jwt import UNKNOWN_LIFETIME, authorization, key_and_secret, read_token
from inworld_embeddings._redaction import Secret
from inworld_embeddings.auth import TOKEN_URL

KEY, SECRET, WORKSPACE = "planted-key", "planted-secret", "the-workspace"
BASIC = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
SHOWN = ("planted", BASIC[:8], "token-", "IW1-HMAC")
NOW, DATE, END = 1747363826.0, "Fri, 16 May 2025 02:50:26 GMT", "2025-05-16T03:50:26Z"  # an hour apart
VECTOR = "a7c2a9aa136f45175e34e54a8e740f5f057a1e2c80070428fda53750f81b5251"


class Clock:
    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


class TokenEndpoint:
    """Gives token-1, token-2, …, each for an hour, or what ``responses`` holds; while ``gate`` is closed, nothing."""

    def __init__(self, *responses):
        self.requests, self.responses = [], list(responses)
        self.arrived, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        self.wall, self.monotonic = Clock(NOW), Clock()

    def __call__(self, request):
        self.requests.append(request)
        self.arrived.set()
        assert self.gate.wait(10)
        if not self.responses:
            body = {"token": f"token-{len(self.requests)}", "type": "Bearer", "expirationTime": END}
            return httpx.Response(200, json=body, headers={"date": DATE})
        response = self.responses.pop(0)
        if isinstance(response, BaseException):
            raise response
        return response

    def auth(self, **settings):
        client = httpx.Client(transport=httpx.MockTransport(self), follow_redirects=True, auth=("u", "p"))
        given = {"key": KEY, "secret": SECRET, "workspace": WORKSPACE, "http_client": client}
        return JWTAuth(**(given | {"clock": self.wall, "monotonic": self.monotonic} | settings))


class Api:
    """Notes the tokens it is sent; refuses those in ``refused`` with their status. Reads bodies as a server does."""

    def __init__(self, **refused):
        self.tokens, self.bodies, self.refused = [], [], refused

    def __call__(self, request):
        scheme, _, token = request.headers["authorization"].partition(" ")
        assert scheme == "Bearer"
        self.tokens.append(token)
        self.bodies.append(request.content)
        return httpx.Response(self.refused.get(token.replace("-", ""), 200))

    def client(self, auth):
        return httpx.AsyncClient(auth=auth, transport=httpx.MockTransport(self), base_url="https://api.test")

    def ask(self, auth, *, times=1):
        with httpx.Client(auth=auth, transport=httpx.MockTransport(self)) as client:
            return [client.post("https://api.test/", json={"a": 1}).status_code for _ in range(times)]

    def ask_async(self, auth, *, times=1):
        async def run():
            async with self.client(auth) as client:
                posts = [client.post("/", json={"a": 1}) for _ in range(times)]
                return [response.status_code for response in await asyncio.gather(*posts)]

        return asyncio.run(run())


BOTH = pytest.mark.parametrize("way", ["ask", "ask_async"])


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("API_KEY", "KEY", "SECRET", "WORKSPACE", "API_BASE", "EMULATOR_HOST"):
        monkeypatch.delenv(f"INWORLD_{name}", raising=False)


def assert_hides_secrets(error):
    """Neither its text nor the local variables of our frames show anything."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [f for f in frames if f.f_globals.get("__name__", "").startswith("inworld_embeddings")]
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr([f.f_locals for f in ours])
    assert ours
    assert not [piece for piece in SHOWN if piece in shown]
    assert error.__context__ is None


# The request


def test_the_published_vector():
    header = authorization(Secret("the-key"), Secret("testsecret"), NOW, "0123456789a")
    assert header.reveal() == (
        f"IW1-HMAC-SHA256 ApiKey=the-key,DateTime=20250516025026,Nonce=0123456789a,Signature={VECTOR}"
    )


def test_the_request_for_a_token():
    endpoint = TokenEndpoint()
    Api(token1=401).ask(endpoint.auth())
    for request in endpoint.requests:
        assert (request.method, str(request.url)) == ("POST", TOKEN_URL)
        assert json.loads(request.content) == {"key": KEY, "resources": [f"workspaces/{WORKSPACE}"]}
        assert request.headers["user-agent"].startswith("inworld-embeddings/")
        nonce = re.search(r"Nonce=([0-9a-f]{11}),", request.headers["authorization"])[1]
        signed = authorization(Secret(KEY), Secret(SECRET), NOW, nonce)
        assert request.headers["authorization"] == signed.reveal()
    assert len({request.headers["authorization"] for request in endpoint.requests}) == 2


def test_without_a_client_of_the_users_the_environments_proxy_sees_nothing_on_loopback(monkeypatch, caplog):
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response_only(200)
            self.end_headers()
            self.wfile.write(b'{"token": "token-1"}')

    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    with HTTPServer(("127.0.0.1", 0), Handler) as server, caplog.at_level(0):
        serving = threading.Thread(target=server.handle_request, daemon=True)
        serving.start()
        url = f"http://127.0.0.1:{server.server_port}/t"
        assert Api().ask(JWTAuth(BASIC, workspace=WORKSPACE, token_url=url)) == [200]
        serving.join()
    assert "/t" in caplog.text
    assert not [piece for piece in SHOWN if piece in caplog.text]


@pytest.mark.parametrize("pair", [("k", "s"), (KEY, "with:colon=and/more"), ("k", "s, with space")])
def test_a_basic_value_holds_the_pair(pair):
    value = base64.b64encode(":".join(pair).encode()).decode()
    assert tuple(half.reveal() for half in key_and_secret(Secret(value))) == pair


@pytest.mark.parametrize(
    "pair",
    [b"planted,key:s", b"planted key:s", b"planted\nkey:s", b"plant\xff:s", b"planted:\xff", b"planted:s\n"],
)
def test_a_pair_that_would_break_the_header_is_refused(pair):
    with pytest.raises(errors.ConfigurationError, match="cannot hold") as caught:
        JWTAuth(base64.b64encode(pair).decode(), workspace=WORKSPACE)
    assert_hides_secrets(caught.value)


@pytest.mark.parametrize(
    ("environment", "settings"),
    [
        ({}, {"api_key": BASIC, "workspace": "workspaces/the-workspace"}),
        ({"INWORLD_API_KEY": BASIC, "INWORLD_WORKSPACE": WORKSPACE}, {}),
        ({"INWORLD_KEY": KEY, "INWORLD_SECRET": SECRET, "INWORLD_WORKSPACE": WORKSPACE}, {}),
        ({"INWORLD_API_KEY": "bm8=", "INWORLD_WORKSPACE": "no"}, {"api_key": BASIC, "workspace": WORKSPACE}),
        ({"INWORLD_EMULATOR_HOST": "127.0.0.1:1"}, {"api_key": BASIC, "workspace": WORKSPACE}),
    ],
)
def test_where_the_credential_comes_from(monkeypatch, environment, settings):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    endpoint = TokenEndpoint()
    Api().ask(endpoint.auth(**({"key": None, "secret": None, "workspace": None} | settings)))
    [request] = endpoint.requests
    assert json.loads(request.content) == {"key": KEY, "resources": [f"workspaces/{WORKSPACE}"]}


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"workspace": None}, "INWORLD_WORKSPACE"),
        ({"workspace": "a b"}, "bare id"),
        ({"workspace": "a/b"}, "bare id"),
        ({"key": None, "secret": None}, "No API key"),
        ({"secret": None}, "without secret"),
        ({"api_key": BASIC}, "not several"),
        ({"key": None, "secret": None, "api_key": lambda: BASIC}, "must be a str"),
        ({"token_url": "http://planted.example/x"}, "token_url is http://"),
        ({"token_url": "https://planted@example.com/x"}, "token_url must not hold"),
        ({"leeway": -1}, "leeway"),
        ({"leeway": float("nan")}, "leeway"),
        ({"http_client": httpx.AsyncClient()}, "asynchronous"),
    ],
    ids=range(12),
)
def test_settings_that_cannot_work(settings, says):
    with pytest.raises(errors.ConfigurationError, match=says) as caught:
        TokenEndpoint().auth(**settings)
    assert_hides_secrets(caught.value)


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"key": "planted:key", "secret": SECRET}, "colon"),
        ({"api_key": BASIC[:-3]}, "not base64"),
        ({"key": KEY}, "without secret"),
        ({"api_key": BASIC, "key": KEY, "secret": SECRET}, "not several"),
        ({"api_key": lambda: BASIC}, "a str"),
    ],
    ids=range(5),
)
def test_a_basic_credential_that_cannot_work_is_in_no_traceback_either(settings, says):
    with pytest.raises(errors.ConfigurationError, match=says) as caught:
        BasicAuth(**settings)
    assert_hides_secrets(caught.value)


@pytest.mark.parametrize(
    ("settings", "environment"),
    [
        ({"key": "planted:key", "secret": SECRET}, {}),
        ({"api_key": BASIC, "max_retries": -1}, {}),
        ({"api_key": BASIC, "unknown": 1}, {}),
        ({}, {"INWORLD_API_KEY": BASIC[:-3]}),
    ],
    ids=range(4),
)
def test_nor_is_that_of_a_client(monkeypatch, settings, environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with pytest.raises((errors.ConfigurationError, TypeError)) as caught:
        EmbeddingClient(**settings)
    assert_hides_secrets(caught.value)


# The response

GOOD = {"token": "header.pay-load.sig_nature", "type": "Bearer", "expirationTime": END}


def read(body, *, now=NOW, date=DATE, leeway=60.0):
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    return read_token(
        Response(200, [(b"date", date.encode())] if date else [], content), now=now, leeway=leeway
    )


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


def test_types_that_are_bearer():
    assert {read(GOOD | {"type": kind})[1] for kind in ("bearer", "BEARER", "", None)} == {3540}


@pytest.mark.parametrize(
    "body",
    [
        b"<html><title>Log in</title>planted</html>",
        b"",
        b"null",
        b"[]",
        b'{"a": ' + b"[" * 100_000,
        b'{"token": "planted\xff"}',
        {"accessToken": "planted"},
        *(GOOD | {"token": token} for token in (None, "", 5, ["planted"], "planted with spaces", "plantéd")),
        *(GOOD | {"token": token} for token in ("planted\n", "planted\r\nX-Header: 1", "planted" * 10_000)),
        *(GOOD | {"type": kind} for kind in ("planted", 7)),
    ],
    ids=range(18),
)
def test_what_is_no_token_is_refused_without_echo(body):
    with pytest.raises(errors.APIResponseValidationError, match="token_url") as caught:
        read(body)
    assert "plant" not in str(caught.value)


def refused(status, message="no", *, date=DATE, **headers):
    body = {"code": 7, "message": message, "details": []}
    return httpx.Response(status, json=body, headers=headers | ({"date": date} if date else {}))


class Endless(httpx.SyncByteStream):
    def __iter__(self):
        yield from [b" " * 8192] * 9
        pytest.fail("read on and on")


@BOTH
@pytest.mark.parametrize(
    ("response", "kind", "says"),
    [
        (refused(204), errors.APIResponseValidationError, "HTTP 204 .*token_url"),
        (refused(302, location=f"https://{KEY}.example/x"), errors.RedirectError, "never followed.*token_url"),
        (refused(400, "bad resources"), errors.AuthenticationError, "HTTP 400: bad resources"),
        (refused(401), errors.AuthenticationError, "INWORLD_API_KEY"),
        (refused(403, f"{KEY} with plan*** is unknown"), errors.PermissionDeniedError, "redacted"),
        (refused(404), errors.NotFoundError, "Check token_url"),
        (refused(413), errors.AuthenticationError, "HTTP 413"),
        (refused(429, "slow down"), errors.RateLimitError, "slow down"),
        (refused(429, "message larger than max (5 vs. 4)"), errors.AuthenticationError, "HTTP 429"),
        (httpx.Response(503, html="<title>Down</title>"), errors.InternalServerError, "Down"),
        (httpx.Response(200, stream=Endless()), errors.APIResponseValidationError, "token_url"),
        (httpx.ReadTimeout(f"for {KEY}"), errors.APITimeoutError, "ReadTimeout"),
        (httpx.ConnectError("refused"), errors.APIConnectionError, "refused"),
        (httpx.LocalProtocolError("Illegal header"), errors.ConfigurationError, "Check token_url"),
        (ZeroDivisionError(KEY), errors.ConfigurationError, "ZeroDivisionError"),
        (SystemExit(KEY), errors.ConfigurationError, "SystemExit"),
    ],
    ids=range(16),
)  # fmt: skip
def test_failures_name_the_endpoint_and_no_secret(way, response, kind, says):
    endpoint, api = TokenEndpoint(response), Api()
    auth = endpoint.auth()
    with pytest.raises(errors.InworldEmbeddingsError, match=says) as caught:
        getattr(api, way)(auth)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"No token from {TOKEN_URL}: ")
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    assert_hides_secrets(caught.value)
    assert len(endpoint.requests) == 1
    assert getattr(api, way)(auth) == [200]  # the next request asks anew


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
    endpoint = TokenEndpoint(refused(403, "invalid authorization signature", date=date))
    with pytest.raises(errors.PermissionDeniedError, match=says):
        Api().ask(endpoint.auth())


# Renewal


@pytest.mark.parametrize(
    ("wall", "monotonic", "token"),
    [
        (3539, 3539, "token-1"),
        (3541, 3541, "token-2"),
        (3541, 0, "token-2"),  # the machine slept
        (-1e6, 3539, "token-1"),  # somebody set the wall clock back
        (-1e6, 3541, "token-2"),
    ],
)
def test_a_token_is_renewed_before_its_end_by_whichever_clock_says_more(wall, monotonic, token):
    endpoint, api = TokenEndpoint(), Api()
    auth = endpoint.auth()
    api.ask(auth)
    endpoint.wall.now, endpoint.monotonic.now = NOW + wall, monotonic
    api.ask(auth)
    assert api.tokens == ["token-1", token]


@BOTH
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_replaced_once(way, status):
    endpoint, api = TokenEndpoint(), Api(token1=status)
    auth = endpoint.auth()
    assert getattr(api, way)(auth) == [200]
    assert getattr(api, way)(auth) == [200]
    assert api.tokens == ["token-1", "token-2", "token-2"]
    assert len(endpoint.requests) == 2


@BOTH
@pytest.mark.parametrize("status", [401, 403])
def test_the_second_refusal_stands(way, status):
    api = Api(token1=status, token2=status, token3=status)
    assert getattr(api, way)(TokenEndpoint().auth()) == [status]
    assert api.tokens == ["token-1", "token-2"]


@BOTH
@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_other_statuses_are_no_reason(way, status):
    api = Api(token1=status)
    assert getattr(api, way)(TokenEndpoint().auth()) == [status]
    assert api.tokens == ["token-1"]


def test_a_refusal_of_a_token_that_was_renewed_meanwhile_uses_the_new_one():
    endpoint = TokenEndpoint()
    auth = endpoint.auth()
    flows = [auth.sync_auth_flow(httpx.Request("POST", "https://api.test/")) for _ in range(2)]
    assert {next(flow).headers["authorization"] for flow in flows} == {"Bearer token-1"}
    again = [flow.send(httpx.Response(401)).headers["authorization"] for flow in flows]
    assert again == ["Bearer token-2"] * 2
    assert len(endpoint.requests) == 2


def test_many_refusals_of_one_token_make_one_new_one():
    endpoint, api = TokenEndpoint(), Api(token1=401)
    assert api.ask_async(endpoint.auth(), times=100) == [200] * 100
    assert len(endpoint.requests) == 2


@BOTH
def test_when_there_is_no_new_token_that_is_the_error(way):
    endpoint = TokenEndpoint()
    auth = endpoint.auth()
    Api().ask(auth)
    endpoint.responses = [refused(403, "API key was deleted")]
    with pytest.raises(errors.PermissionDeniedError, match="was deleted"):
        getattr(Api(token1=401), way)(auth)
    assert getattr(Api(), way)(auth) == [200]  # for others the old one may still be good
    assert len(endpoint.requests) == 2


def test_a_streamed_body_is_read_so_that_it_can_be_sent_twice():
    auth = TokenEndpoint().auth()

    async def body():
        yield b"a"
        yield b"b"

    async def run():
        async with contextlib.aclosing(
            auth.async_auth_flow(httpx.Request("POST", "/", content=body()))
        ) as flow:
            return (await anext(flow)).content

    assert next(auth.sync_auth_flow(httpx.Request("POST", "/", content=iter([b"a", b"b"])))).content == b"ab"
    assert asyncio.run(run()) == b"ab"


# Sharing


def test_32_threads_and_two_loops_ask_once():
    endpoint, api = TokenEndpoint(), Api()
    auth = endpoint.auth()
    endpoint.gate.clear()
    barrier = threading.Barrier(34, action=endpoint.gate.set)

    def work(way):
        barrier.wait(10)
        return getattr(api, way)(auth, times=10)

    with ThreadPoolExecutor(34) as pool:
        assert list(pool.map(work, ["ask"] * 32 + ["ask_async"] * 2)) == [[200] * 10] * 34
    assert len(endpoint.requests) == 1


def test_waiters_each_get_an_error_of_their_own():
    endpoint = TokenEndpoint(httpx.Response(503))
    endpoint.gate.clear()

    async def run():
        async with Api().client(endpoint.auth()) as client:
            posts = [asyncio.create_task(client.post("/")) for _ in range(20)]
            asyncio.get_running_loop().call_soon(endpoint.gate.set)  # once all of them wait
            return await asyncio.gather(*posts, return_exceptions=True)

    found = asyncio.run(run())
    assert {type(error) for error in found} == {errors.InternalServerError}
    assert (len({id(error) for error in found}), len(endpoint.requests)) == (20, 1)


def test_the_event_loop_goes_on_and_who_gives_up_does_not_end_the_request_for_others():
    endpoint = TokenEndpoint()
    endpoint.gate.clear()

    async def run():
        async with Api().client(endpoint.auth()) as client:
            first, second = (asyncio.create_task(client.post("/")) for _ in range(2))
            assert await asyncio.to_thread(endpoint.arrived.wait, 10)
            assert not first.done()
            first.cancel()
            await asyncio.wait([first])
            endpoint.gate.set()
            return first.cancelled(), (await second).status_code

    assert asyncio.run(run()) == (True, 200)
    assert len(endpoint.requests) == 1


def test_a_deadline_ends_the_wait_and_a_loop_that_ended_leaves_the_token_to_others():
    endpoint, api = TokenEndpoint(), Api()
    auth = endpoint.auth()
    endpoint.gate.clear()

    async def give_up():
        async with api.client(auth) as client, asyncio.timeout(0):
            await client.post("/")

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    assert endpoint.arrived.wait(10)
    endpoint.gate.set()
    assert api.ask(auth) == [200]
    assert len(endpoint.requests) == 1


@BOTH
def test_an_endpoint_that_never_responds_is_given_up_and_asked_anew(way):
    endpoint = TokenEndpoint()
    auth = endpoint.auth()
    auth._patience = 0
    endpoint.gate.clear()
    with pytest.raises(errors.APITimeoutError, match="No token from .*: no response within 0 s"):
        getattr(Api(), way)(auth)
    assert endpoint.arrived.wait(10)
    endpoint.gate.set()
    auth._patience = 30
    assert getattr(Api(), way)(auth) == [200]
    assert len(endpoint.requests) == 2


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_forked_child_uses_the_token_and_one_forked_during_a_request_asks_for_itself():
    program = """
import os, threading
import httpx
from inworld_embeddings import JWTAuth

parent, hang, asked = os.getpid(), False, threading.Event()

def respond(request):
    if hang and os.getpid() == parent:
        asked.set()
        threading.Event().wait()
    return httpx.Response(200, json={"token": "of-the-parent" if os.getpid() == parent else "of-the-child"})

def child_gets(refused=None):
    if os.fork() == 0:
        print(auth._get(refused).reveal(), flush=True)
        os._exit(0)
    os.wait()

client = httpx.Client(transport=httpx.MockTransport(respond))
auth = JWTAuth("azpz", workspace="w", http_client=client)
token = auth._get()
child_gets()
hang = True
threading.Thread(target=auth._get, args=(token,), daemon=True).start()
asked.wait(10)
auth._lock.acquire()
child_gets(refused=token)
os._exit(0)
"""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("of-the-parent\nof-the-child\n", "")


def test_neither_repr_nor_pickle_hold_a_secret():
    auth = TokenEndpoint().auth()
    Api().ask(auth)
    assert repr(auth) == f"JWTAuth(token_url={TOKEN_URL!r})"
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="does not pickle"):
            way(auth)
    assert not [piece for piece in SHOWN if piece in repr(vars(auth))]


# With the clients


class Service(httpx.AsyncBaseTransport):
    """The embeddings API. Refuses what ``refused`` holds, and echoes what it was sent and the key behind it."""

    def __init__(self, *refused):
        self.sent, self.refused = [], refused

    async def handle_async_request(self, request):
        self.sent.append((request.url.host, request.headers["authorization"]))
        if self.sent[-1][1] in self.refused:
            message = f"expired: {self.sent[-1][1]} of {KEY}, {BASIC}"
            return httpx.Response(401, json={"code": 16, "message": message, "details": []})
        count = len(json.loads(request.content)["inputs"])
        return httpx.Response(200, json={"embeddings": [{"values": [1.0, 2.0]}] * count})


def test_with_the_client():
    endpoint, service = TokenEndpoint(), Service("Bearer token-1")
    with EmbeddingClient(auth=endpoint.auth(), transport=service, batch_size=1) as client:
        assert client.embed(["a", "b", "c"]).vectors.tolist() == [[1.0, 2.0]] * 3
    assert len(endpoint.requests) == 2
    assert {host for host, _ in service.sent} == {"api.inworld.ai"}
    assert service.sent[-1][1] == "Bearer token-2"


def test_the_clients_error_after_a_second_refusal_shows_neither_token_nor_key():
    service = Service("Bearer token-1", "Bearer token-2")
    client = EmbeddingClient(auth=TokenEndpoint().auth(), transport=service)
    with client, pytest.raises(errors.AuthenticationError, match="redacted") as caught:
        client.embed("a")
    assert len(service.sent) == 2
    assert not [piece for piece in SHOWN if piece in str(caught.value)]


@pytest.mark.parametrize("status", [400, 403])
def test_no_token_stops_the_whole_call(status):
    endpoint, service = TokenEndpoint(*[refused(status)] * 100), Service()
    client = EmbeddingClient(auth=endpoint.auth(), transport=service, batch_size=2, max_concurrency=1)
    with client, pytest.raises(errors.APIStatusError, match="No token from"):
        client.embed(["a", "b"] * 10)
    assert (len(endpoint.requests), service.sent) == (1, [])
