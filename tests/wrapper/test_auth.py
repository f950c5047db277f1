"""Auth flows: `JWTAuth` over a token endpoint in this process. Clocks are arguments; nothing waits for time."""

import asyncio
import base64
import copy
import json
import pickle
import re
import sys
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from inworld_embeddings import BasicAuth, EmbeddingClient, JWTAuth, errors
from inworld_embeddings._jwt import authorization
from inworld_embeddings._redaction import Secret
from inworld_embeddings.auth import TOKEN_URL
from support.fault import OK, answer, status
from support.fault_server import FaultServer
from support.in_process import Service
from support.processes import assert_silent, program

KEY, SECRET, WORKSPACE = "planted-key", "planted-secret", "the-workspace"
BASIC = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
SHOWN = ("planted", BASIC[:8], "token-", "IW1-HMAC")
NOW, DATE, END = 1747363826.0, "Fri, 16 May 2025 02:50:26 GMT", "2025-05-16T03:50:26Z"  # an hour apart


class TokenEndpoint:
    """Gives token-1, token-2, …, each for an hour, or what ``responses`` holds; while ``gate`` is closed, nothing."""

    def __init__(self, *responses):
        self.requests, self.responses = [], list(responses)
        self.arrived, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        self.wall, self.monotonic = NOW, 0.0

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
        clocks = {"clock": lambda: self.wall, "monotonic": lambda: self.monotonic}
        return JWTAuth(**(given | clocks | settings))


class Api(httpx.MockTransport):
    """Notes the tokens it is sent; refuses those in ``refused`` with their status."""

    def __init__(self, **refused):
        super().__init__(self._respond)
        self.tokens, self.bodies, self.refused = [], [], refused

    def _respond(self, request):
        scheme, _, token = request.headers["authorization"].partition(" ")
        assert scheme == "Bearer"
        self.tokens.append(token)
        self.bodies.append(request.content)
        return httpx.Response(self.refused.get(token.replace("-", ""), 200))

    def ask(self, auth, *, times=1):
        with httpx.Client(auth=auth, transport=self) as client:
            return [client.post("https://api.test/", content=b"a body").status_code for _ in range(times)]

    def ask_async(self, auth, *, times=1):
        async def run():
            async with httpx.AsyncClient(auth=auth, transport=self) as client:
                posts = [client.post("https://api.test/", content=b"a body") for _ in range(times)]
                return [response.status_code for response in await asyncio.gather(*posts)]

        return asyncio.run(run())


BOTH = pytest.mark.parametrize("way", ["ask", "ask_async"])  # httpx asks each face for a flow of its own


def assert_hides_secrets(error):
    """Neither its text nor the local variables of our frames show anything."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [f for f in frames if f.f_globals.get("__name__", "").startswith("inworld_embeddings")]
    shown = "".join(traceback.format_exception(error)) + repr(error) + repr([f.f_locals for f in ours])
    assert ours
    assert not [piece for piece in SHOWN if piece in shown]
    assert error.__context__ is None


# Construction


@pytest.mark.parametrize("by_argument", [False, True])
def test_where_the_credential_comes_from(monkeypatch, by_argument):
    """Arguments beat the environment."""
    monkeypatch.setenv("INWORLD_API_KEY", "bm8=" if by_argument else BASIC)
    monkeypatch.setenv("INWORLD_WORKSPACE", "no" if by_argument else WORKSPACE)
    settings = {"api_key": BASIC, "workspace": f"workspaces/{WORKSPACE}"} if by_argument else {}
    endpoint = TokenEndpoint()
    Api().ask(endpoint.auth(**({"key": None, "secret": None, "workspace": None} | settings)))
    [request] = endpoint.requests
    assert json.loads(request.content) == {"key": KEY, "resources": [f"workspaces/{WORKSPACE}"]}


@pytest.mark.parametrize(
    ("make", "settings", "says"),
    [
        (TokenEndpoint().auth, {"workspace": None}, "INWORLD_WORKSPACE"),
        (TokenEndpoint().auth, {"workspace": "a/b"}, "bare id"),
        (TokenEndpoint().auth, {"key": None, "secret": None}, "No API key"),
        (TokenEndpoint().auth, {"key": None, "secret": None, "api_key": lambda: BASIC}, "must be a str"),
        (TokenEndpoint().auth, {"token_url": "http://planted.example/x"}, "token_url is http://"),
        (TokenEndpoint().auth, {"leeway": float("nan")}, "leeway"),
        (TokenEndpoint().auth, {"http_client": httpx.AsyncClient()}, "asynchronous"),
        (BasicAuth, {"api_key": BASIC, "key": KEY, "secret": SECRET}, "not several"),
        (BasicAuth, {"api_key": lambda: BASIC}, "a str"),
        (EmbeddingClient, {"key": "planted:key", "secret": SECRET}, "key"),
        (EmbeddingClient, {"api_key": BASIC, "max_retries": -1}, "max_retries"),
        (EmbeddingClient, {"api_key": BASIC, "unknown": 1}, "unknown"),
    ],
    ids=range(12),
)
def test_what_cannot_work_is_told_without_the_credential_in_the_traceback_too(make, settings, says):
    with pytest.raises((errors.ConfigurationError, TypeError), match=says) as caught:
        make(**settings)
    assert_hides_secrets(caught.value)


def test_neither_repr_nor_pickle_hold_a_secret():
    auth = TokenEndpoint().auth()
    Api().ask(auth)
    assert repr(auth) == f"JWTAuth(token_url={TOKEN_URL!r})"
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="does not pickle"):
            way(auth)
    assert not [piece for piece in SHOWN if piece in repr(vars(auth))]


# The request for a token


def test_the_request_for_a_token():
    endpoint = TokenEndpoint()
    Api(token1=401).ask(endpoint.auth())
    for request in endpoint.requests:
        assert (request.method, str(request.url)) == ("POST", TOKEN_URL)
        assert request.headers["user-agent"].startswith("inworld-embeddings/")
        nonce = re.search(r"Nonce=([0-9a-f]{11}),", request.headers["authorization"])[1]
        signed = authorization(Secret(KEY), Secret(SECRET), NOW, nonce)
        assert request.headers["authorization"] == signed.reveal()
    assert len({request.headers["authorization"] for request in endpoint.requests}) == 2


def test_without_a_client_of_the_users_the_environments_certificates_count_and_no_proxy_on_loopback(
    trusted, monkeypatch, caplog
):
    for name in ("HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    gives_one = answer("a token", 200, b'{"token": "token-1"}')
    with FaultServer(gives_one, tls=trusted.good) as server, caplog.at_level(0):
        auth = JWTAuth(BASIC, workspace=WORKSPACE, token_url=f"{server.url}/t")
        assert Api().ask(auth) == [200]
    assert "/t" in caplog.text
    assert not [piece for piece in SHOWN if piece in caplog.text]


def refused(status, message="no", **headers):
    body = {"code": 7, "message": message, "details": []}
    return httpx.Response(status, json=body, headers=headers | {"date": DATE})


class Endless(httpx.SyncByteStream):
    def __iter__(self):
        yield from [b" " * 8192] * 9
        pytest.fail("read on and on")


@pytest.mark.parametrize(
    ("response", "kind", "says"),
    [
        (refused(204), errors.APIResponseValidationError, "HTTP 204 .*token_url"),
        (refused(302, location=f"https://{KEY}.example/x"), errors.RedirectError, "never followed.*token_url"),
        (refused(400, "bad resources"), errors.AuthenticationError, "HTTP 400: bad resources"),
        (refused(401), errors.AuthenticationError, "INWORLD_API_KEY"),
        (refused(403, f"{KEY} with plan*** is unknown"), errors.PermissionDeniedError, "redacted"),
        (refused(404), errors.NotFoundError, "Check token_url"),
        (refused(429, "slow down"), errors.RateLimitError, "slow down"),
        (refused(429, "message larger than max (5 vs. 4)"), errors.AuthenticationError, "HTTP 429"),
        (httpx.Response(200, stream=Endless()), errors.APIResponseValidationError, "token_url"),
        (httpx.ReadTimeout(f"for {KEY}"), errors.APITimeoutError, "ReadTimeout"),
        (httpx.LocalProtocolError("Illegal header"), errors.ConfigurationError, "Check token_url"),
        (SystemExit(KEY), errors.ConfigurationError, "SystemExit"),
    ],
    ids=range(12),
)  # fmt: skip
def test_failures_name_the_endpoint_and_no_secret(response, kind, says):
    endpoint, api = TokenEndpoint(response), Api()
    auth = endpoint.auth()
    with pytest.raises(errors.InworldEmbeddingsError, match=says) as caught:
        api.ask(auth)
    assert type(caught.value) is kind
    assert str(caught.value).startswith(f"No token from {TOKEN_URL}: ")
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args
    assert_hides_secrets(caught.value)
    assert len(endpoint.requests) == 1
    assert api.ask(auth) == [200]  # the next request asks anew


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
    endpoint.wall, endpoint.monotonic = NOW + wall, monotonic
    api.ask(auth)
    assert api.tokens == ["token-1", token]


@BOTH
@pytest.mark.parametrize(
    ("refused", "statuses", "tokens"),
    [
        ({"token1": 401}, [200, 200], "122"),
        ({"token1": 403}, [200, 200], "122"),
        ({"token1": 403, "token2": 401}, [401, 200], "1223"),  # the second refusal stands
        *(({"token1": status}, [status, status], "11") for status in (400, 429, 500, 503)),
    ],
)
def test_a_refused_token_is_replaced_once_with_the_body_sent_again(way, refused, statuses, tokens):
    endpoint, api = TokenEndpoint(), Api(**refused)
    auth = endpoint.auth()
    assert [getattr(api, way)(auth) for _ in statuses] == [[status] for status in statuses]
    assert api.tokens == [f"token-{number}" for number in tokens]
    assert len(endpoint.requests) == len(set(tokens))
    assert len(set(api.bodies)) == 1


# Sharing


def test_32_threads_and_two_loops_ask_once_and_once_more_when_all_of_them_are_refused():
    endpoint, api = TokenEndpoint(), Api(token1=401)
    auth = endpoint.auth()
    endpoint.gate.clear()
    barrier = threading.Barrier(34, action=endpoint.gate.set)

    def work(way):
        barrier.wait(10)
        return getattr(api, way)(auth, times=10)

    with ThreadPoolExecutor(34) as pool:
        assert list(pool.map(work, ["ask"] * 32 + ["ask_async"] * 2)) == [[200] * 10] * 34
    assert len(endpoint.requests) == 2


def test_the_event_loop_goes_on_and_who_gives_up_does_not_end_the_request_for_others():
    endpoint = TokenEndpoint()
    endpoint.gate.clear()

    async def run():
        async with httpx.AsyncClient(auth=endpoint.auth(), transport=Api()) as client:
            first, second = (asyncio.create_task(client.post("https://api.test/")) for _ in range(2))
            assert await asyncio.to_thread(endpoint.arrived.wait, 10)
            assert not first.done()
            first.cancel()
            await asyncio.wait([first])
            endpoint.gate.set()
            return first.cancelled(), (await second).status_code

    assert asyncio.run(run()) == (True, 200)
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
    code = """
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
    done = program(code, "", "-W", "ignore::DeprecationWarning", preamble="")
    assert_silent(done)
    assert done.stdout == "of-the-parent\nof-the-child\n"


# With the clients


def test_with_the_client_a_refused_token_is_renewed_and_the_second_refusal_shows_no_secret():
    endpoint, refused, sent = TokenEndpoint(), {"Bearer token-1", "Bearer token-3", "Bearer token-4"}, []

    def script(request):
        sent.append(request.head.get("authorization"))
        echo = f"expired: {sent[-1]} of {KEY}, {BASIC}"
        return status(401, message=echo) if sent[-1] in refused else OK

    service = Service(script)
    with EmbeddingClient(auth=endpoint.auth(), transport=service, batch_size=1) as client:
        service.oracle.check(["a", "b", "c"], client.embed(["a", "b", "c"]).vectors)
        assert (sent[-1], service.requests[-1].head.get("host")) == ("Bearer token-2", "api.inworld.ai")
        assert len(endpoint.requests) == 2
        refused.add("Bearer token-2")
        with pytest.raises(errors.AuthenticationError, match="redacted") as caught:
            client.embed("a")
    assert len(endpoint.requests) == 3
    assert not [piece for piece in SHOWN if piece in str(caught.value)]


def test_no_token_stops_the_whole_call():
    endpoint, service = TokenEndpoint(*[refused(400)] * 100), Service()
    client = EmbeddingClient(auth=endpoint.auth(), transport=service, batch_size=2, max_concurrency=1)
    with client, pytest.raises(errors.APIStatusError, match="No token from"):
        client.embed(["a", "b"] * 10)
    assert (len(endpoint.requests), service.requests) == (1, [])
