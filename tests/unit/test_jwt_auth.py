"""JWTAuth, against a token server on loopback that checks signatures by itself."""

import asyncio
import base64
import contextlib
import copy
import hashlib
import hmac
import json
import pickle
import re
import subprocess
import sys
import threading
import time
import traceback
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import httpx
import pytest

from inworld_embeddings import AsyncEmbeddingClient, EmbeddingClient, JWTAuth, errors
from inworld_embeddings._core.secret import Secret
from inworld_embeddings._core.token_answer import Token
from inworld_embeddings._jwt import minter
from inworld_embeddings._jwt.shared_token import SharedToken

KEY, SECRET, WORKSPACE = "planted-key", "planted-secret", "the-workspace"
BASIC = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
PATH = "/auth/v1/tokens/token:generate"
HEADER = re.compile(
    r"IW1-HMAC-SHA256 ApiKey=(.+),DateTime=(\d{14}),Nonce=([0-9a-f]{11}),Signature=([0-9a-f]{64})"
)
SHOWN = ("planted", BASIC[:8], "token-", "IW1-HMAC")


class Clock:
    def __init__(self, now=0.0):
        self.now = now

    def __call__(self):
        return self.now


class TokenServer(ThreadingHTTPServer):
    """Gives token-1, token-2, … for good signatures; or what ``answers`` holds: (status, body, headers)."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(self):
        super().__init__(("127.0.0.1", 0), _Handler)
        self.url = f"http://127.0.0.1:{self.server_port}{PATH}"
        self.asked, self.nonces, self.answers = [], set(), []
        self.lifetime, self.clock = 3600.0, time.time
        self.arrived, self.hold = threading.Event(), None

    def answer(self, headers, body):
        self.asked.append((headers, body))
        self.arrived.set()
        if self.hold:
            self.hold.wait(10)
        if self.answers:
            return self.answers.pop(0)
        if not self.is_signed(headers["authorization"]) or json.loads(body)["key"] != KEY:
            return 403, {"code": 7, "message": f"invalid authorization signature of {KEY}", "details": []}, {}
        ends = datetime.fromtimestamp(self.clock() + self.lifetime, UTC).isoformat().replace("+00:00", "Z")
        return 200, {"token": f"token-{len(self.asked)}", "type": "Bearer", "expirationTime": ends}, {}

    def is_signed(self, header):
        key, moment, nonce, signature = HEADER.fullmatch(header).groups()
        age = self.clock() - datetime.strptime(moment + "Z", "%Y%m%d%H%M%S%z").timestamp()
        link = f"IW1{SECRET}".encode()
        names = ["api-engine.inworld.ai", "ai.inworld.engine.WorldEngine/GenerateToken"]
        for part in [moment, *names, nonce, "iw1_request"]:
            link = hmac.new(link, part.encode(), hashlib.sha256).digest()
        fresh = nonce not in self.nonces and abs(age) < 300
        self.nonces.add(nonce)
        return fresh and key == KEY and hmac.compare_digest(signature, link.hex())


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        assert self.path == PATH
        status, answer, more = self.server.answer(headers, body)
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response_only(status)
        for name, value in {"date": formatdate(self.server.clock(), usegmt=True), **more}.items():
            if value is not None:
                self.send_header(name, value)
        self.send_header("content-length", str(len(content)))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(content)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with TokenServer() as made:
        thread = threading.Thread(target=made.serve_forever, args=(0.01,))
        thread.start()
        yield made
        made.shutdown()
        thread.join()


@pytest.fixture(autouse=True)
def _environment(monkeypatch):
    for name in ("API_KEY", "KEY", "SECRET", "WORKSPACE", "API_BASE", "EMULATOR_HOST"):
        monkeypatch.delenv(f"INWORLD_{name}", raising=False)


class Api:
    """Notes the tokens it is sent; refuses those in ``refused`` with their status."""

    def __init__(self, **refused):
        self.tokens, self.bodies, self.refused = [], [], refused

    def __call__(self, request):
        scheme, _, token = request.headers["authorization"].partition(" ")
        assert scheme == "Bearer"
        self.tokens.append(token)
        self.bodies.append(request.content)
        return httpx.Response(self.refused.get(token.replace("-", ""), 200), json={"token": token})

    def ask(self, auth, *, times=1):
        with httpx.Client(auth=auth, transport=httpx.MockTransport(self)) as client:
            return [client.post("https://api.test/embed", json={"a": 1}).status_code for _ in range(times)]

    def ask_async(self, auth, *, times=1):
        async def run():
            async with httpx.AsyncClient(auth=auth, transport=httpx.MockTransport(self)) as client:
                asking = [client.post("https://api.test/embed", json={"a": 1}) for _ in range(times)]
                return [answer.status_code for answer in await asyncio.gather(*asking)]

        return asyncio.run(run())


BOTH = pytest.mark.parametrize("way", ["ask", "ask_async"])


def auth_for(server, **settings):
    return JWTAuth(
        **({"key": KEY, "secret": SECRET, "workspace": WORKSPACE, "token_url": server.url} | settings)
    )


@BOTH
def test_one_token_serves_many_requests(server, way):
    api = Api()
    assert getattr(api, way)(auth_for(server), times=20) == [200] * 20
    assert Counter(api.tokens) == {"token-1": 20}


def test_the_request_for_a_token(server):
    Api().ask(auth_for(server))
    [(headers, body)] = server.asked
    assert json.loads(body) == {"key": KEY, "resources": ["workspaces/the-workspace"]}
    assert headers["content-type"] == "application/json"
    assert headers["user-agent"].startswith("inworld-embeddings/")


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
def test_where_the_credential_comes_from(server, monkeypatch, environment, settings):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert Api().ask(JWTAuth(token_url=server.url, **settings)) == [200]
    assert b'"workspaces/the-workspace"' in server.asked[0][1]


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"workspace": None}, "INWORLD_WORKSPACE"),
        ({"workspace": "a b"}, "bare id"),
        ({"workspace": "a/b"}, "bare id"),
        ({"key": None, "secret": None}, "No API key"),
        ({"secret": None}, "without secret="),
        ({"api_key": BASIC}, "not several"),
        ({"key": None, "secret": None, "api_key": lambda: BASIC}, "must be a str"),
        ({"key": "planted,key"}, "cannot be signed"),
        ({"token_url": "http://planted.example/x"}, "token_url is http://"),
        ({"token_url": "https://planted@example.com/x"}, "token_url must not hold"),
        ({"token_url": "file:///planted"}, "token_url"),
        ({"leeway": -1}, "leeway"),
        ({"leeway": float("nan")}, "leeway"),
    ],
)
def test_settings_that_cannot_work(settings, says):
    with pytest.raises(errors.ConfigurationError, match=says) as caught:
        JWTAuth(**({"key": KEY, "secret": SECRET, "workspace": WORKSPACE} | settings))
    assert "planted" not in str(caught.value)


def test_an_asynchronous_http_client_is_refused(server):
    with pytest.raises(errors.ConfigurationError, match="asynchronous"):
        auth_for(server, http_client=httpx.AsyncClient())


# Renewal


def test_a_token_is_renewed_shortly_before_its_end(server):
    api, steady = Api(), Clock()
    auth = auth_for(server, monotonic=steady)
    for steady.now in (0, 3530, 3550, 3560):
        api.ask(auth)
    assert api.tokens == ["token-1", "token-1", "token-2", "token-2"]


def test_it_is_renewed_by_the_wall_clock_after_a_sleep_that_the_other_did_not_count(server):
    api, wall = Api(), Clock(time.time())
    auth = auth_for(server, clock=wall, monotonic=Clock())
    server.clock = wall
    api.ask(auth)
    wall.now += 4000
    api.ask(auth)
    assert api.tokens == ["token-1", "token-2"]


def test_setting_the_wall_clock_back_makes_no_token_live_longer(server):
    api, wall, steady = Api(), Clock(time.time()), Clock()
    auth = auth_for(server, clock=wall, monotonic=steady)
    server.clock = wall
    api.ask(auth)
    wall.now, steady.now = wall.now - 1e6, 4000
    api.ask(auth)
    assert api.tokens == ["token-1", "token-2"]


def test_a_wrong_clock_that_still_signs_does_not_shorten_a_token(server):
    server.lifetime = 200
    api, steady = Api(), Clock()
    auth = auth_for(server, clock=lambda: time.time() + 250, monotonic=steady)
    for steady.now in (0, 130, 145):
        api.ask(auth)
    assert api.tokens == ["token-1", "token-1", "token-2"]


@pytest.mark.parametrize("lifetime", [0.9, 2.0])
def test_tokens_that_hardly_live_are_not_fetched_in_a_loop(server, lifetime):
    server.clock = Clock(1e9 + 0.05)
    server.lifetime = lifetime
    api = Api()
    auth = auth_for(server, clock=server.clock, monotonic=Clock())
    assert api.ask(auth, times=50) == [200] * 50
    assert set(api.tokens) == {"token-1"}


@BOTH
def test_tokens_that_arrive_expired_are_an_error_and_asked_for_once(server, way):
    server.lifetime = -5
    with pytest.raises(errors.AuthenticationError, match="already expired") as caught:
        getattr(Api(), way)(auth_for(server))
    assert server.url in str(caught.value)
    assert len(server.asked) == 1


@BOTH
@pytest.mark.parametrize("status", [401, 403])
def test_a_refused_token_is_replaced_once(server, way, status):
    api, auth = Api(token1=status), auth_for(server)
    assert getattr(api, way)(auth) == [200]
    assert api.tokens == ["token-1", "token-2"]
    assert [json.loads(body) for body in api.bodies] == [{"a": 1}] * 2
    assert getattr(api, way)(auth) == [200]
    assert (api.tokens[2:], len(server.asked)) == (["token-2"], 2)


@BOTH
@pytest.mark.parametrize("status", [401, 403])
def test_the_second_refusal_stands(server, way, status):
    api = Api(token1=status, token2=status)
    assert getattr(api, way)(auth_for(server)) == [status]
    assert (api.tokens, len(server.asked)) == (["token-1", "token-2"], 2)


@BOTH
@pytest.mark.parametrize("status", [400, 429, 500, 503])
def test_other_statuses_are_no_reason(server, way, status):
    assert getattr(Api(token1=status), way)(auth_for(server)) == [status]
    assert len(server.asked) == 1


class Streaming(httpx.BaseTransport, httpx.AsyncBaseTransport):
    """Reads bodies as they come, as a real transport does; refuses the first token."""

    def __init__(self):
        self.bodies = []

    def handle_request(self, request):
        return self.answer(request, b"".join(request.stream))

    async def handle_async_request(self, request):
        return self.answer(request, b"".join([chunk async for chunk in request.stream]))

    def answer(self, request, body):
        self.bodies.append(body)
        return httpx.Response(401 if request.headers["authorization"] == "Bearer token-1" else 200)


def test_a_streamed_body_can_be_sent_twice(server):
    transport = Streaming()
    with httpx.Client(auth=auth_for(server), transport=transport) as client:
        client.post("https://api.test/embed", content=iter([b"a", b"b"]))
    assert transport.bodies == [b"ab", b"ab"]


def test_a_streamed_body_can_be_sent_twice_asynchronously(server):
    transport = Streaming()

    async def body():
        yield b"a"
        yield b"b"

    async def run():
        async with httpx.AsyncClient(auth=auth_for(server), transport=transport) as client:
            await client.post("https://api.test/embed", content=body())

    asyncio.run(run())
    assert transport.bodies == [b"ab", b"ab"]


def test_many_refusals_of_one_token_make_one_new_one(server):
    api = Api(token1=401)
    assert api.ask_async(auth_for(server), times=100) == [200] * 100
    assert len(server.asked) == 2


@BOTH
def test_when_there_is_no_new_token_that_is_the_error(server, way):
    auth = auth_for(server)
    Api().ask(auth)
    server.answers = [(403, {"code": 7, "message": "API key was deleted", "details": []}, {})]
    with pytest.raises(errors.PermissionDeniedError, match="was deleted"):
        getattr(Api(token1=401), way)(auth)


# Failures


@BOTH
@pytest.mark.parametrize(
    ("answer", "kind", "says"),
    [
        (
            (400, {"code": 3, "message": "bad resources", "details": []}),
            errors.AuthenticationError,
            "bad resources",
        ),
        ((401, b"bad Signature"), errors.AuthenticationError, "HTTP 401: bad Signature"),
        ((403, {"code": 7, "message": f"unknown {KEY}"}), errors.PermissionDeniedError, "redacted"),
        ((404, {"code": 5, "message": "Not Found"}), errors.NotFoundError, "token_url"),
        ((429, {"code": 8, "message": "slow down"}), errors.RateLimitError, "slow down"),
        ((503, b"<html><title>Down</title></html>"), errors.InternalServerError, "Down"),
        (
            (200, b"<html><title>Log in</title></html>"),
            errors.APIResponseValidationError,
            "not a JSON object",
        ),
        ((200, {"type": "Bearer"}), errors.APIResponseValidationError, "no usable token"),
        ((200, {"token": "token-x", "type": "Basic"}), errors.APIResponseValidationError, "not Bearer"),
        ((200, b" " * 70_000), errors.APIResponseValidationError, "too large"),
    ],
    ids=range(10),
)
def test_failures_name_the_endpoint_and_no_secret(server, way, answer, kind, says):
    server.answers = [(*answer, {})]
    with pytest.raises(errors.InworldEmbeddingsError, match=says) as caught:
        getattr(Api(), way)(auth_for(server))
    assert type(caught.value) is kind
    assert server.url in str(caught.value)
    shown = "".join(traceback.format_exception(caught.value)) + repr(caught.value)
    assert not any(piece in shown for piece in SHOWN)
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args


def test_a_failure_leads_to_no_secret_through_its_frames(server):
    server.answers = [(403, {"code": 7, "message": "no"}, {})]
    with pytest.raises(errors.PermissionDeniedError) as caught:
        Api().ask(auth_for(server))
    frames = [frame for frame, _ in traceback.walk_tb(caught.value.__traceback__)]
    ours = [frame for frame in frames if "inworld_embeddings" in frame.f_code.co_filename]
    assert {frame.f_code.co_name for frame in ours} >= {"sync_auth_flow", "get"}
    assert not any(piece in repr(frame.f_locals) for frame in ours for piece in SHOWN)
    assert caught.value.__context__ is None


@BOTH
def test_after_a_failure_the_next_request_asks_anew(server, way):
    server.answers = [(503, b"", {})]
    auth, api = auth_for(server), Api()
    with pytest.raises(errors.InternalServerError):
        getattr(api, way)(auth)
    assert getattr(api, way)(auth) == [200]


@pytest.mark.parametrize("own", [False, True])
def test_a_redirect_is_not_followed(server, own):
    server.answers = [(307, b"", {"location": server.url})]
    client = httpx.Client(follow_redirects=True) if own else None
    with client or contextlib.nullcontext(), pytest.raises(errors.RedirectError, match="never followed"):
        Api().ask(auth_for(server, http_client=client))
    assert len(server.asked) == 1


@pytest.mark.parametrize(
    ("behind", "says"),
    [(-7200, "clock is 7[0-9]* s ahead of"), (7200, "clock is 7[0-9]* s behind"), (0, "clock agrees")],
)
def test_a_refused_signature_speaks_of_the_clock(server, behind, says):
    server.clock = lambda: time.time() + behind
    settings = {} if behind else {"secret": "planted-wrong"}
    with pytest.raises(errors.PermissionDeniedError, match=says) as caught:
        Api().ask(auth_for(server, **settings))
    assert "planted" not in str(caught.value)
    assert "this machine's clock" in str(caught.value).lower()


@BOTH
def test_nobody_there(server, way):
    import socket

    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{sock.getsockname()[1]}/t"
        with pytest.raises(errors.APIConnectionError, match=re.escape(url)) as caught:
            getattr(Api(), way)(auth_for(server, token_url=url))
    assert caught.value.retryable


def test_an_http_client_of_the_users_is_used_and_not_closed(server):
    def reply(request):
        assert request.headers["authorization"].startswith("IW1-HMAC-SHA256")
        assert request.url == "https://api.inworld.ai/auth/v1/tokens/token:generate"
        return httpx.Response(200, json={"token": "token-own"})

    api = Api()
    with httpx.Client(transport=httpx.MockTransport(reply), auth=("u", "p"), headers={"x": "y"}) as client:
        auth = JWTAuth(BASIC, workspace=WORKSPACE, http_client=client)
        api.ask(auth)
        assert not client.is_closed
    assert api.tokens == ["token-own"]


def test_an_http_client_that_raises_something_of_its_own():
    def reply(request):
        raise ZeroDivisionError(request.headers["authorization"])

    with httpx.Client(transport=httpx.MockTransport(reply)) as client:
        auth = JWTAuth(BASIC, workspace=WORKSPACE, http_client=client)
        with pytest.raises(errors.ConfigurationError, match="ZeroDivisionError") as caught:
            Api().ask(auth)
    assert not any(piece in str(caught.value) for piece in SHOWN)


@pytest.mark.parametrize(
    ("status", "chunk", "kind"),
    [
        (200, b"", errors.APITimeoutError),
        (200, b" ", errors.APITimeoutError),
        (200, b" " * 8192, errors.APIResponseValidationError),
        (403, b" " * 8192, errors.PermissionDeniedError),
    ],
)
def test_a_body_that_never_ends(monkeypatch, status, chunk, kind):
    clock = Clock()
    monkeypatch.setattr(minter, "monotonic", clock)

    class Endless(httpx.SyncByteStream):
        def __iter__(self):
            while clock.now < 1000:
                clock.now += 1
                yield chunk

    client = httpx.Client(transport=httpx.MockTransport(lambda _: httpx.Response(status, stream=Endless())))
    with client, pytest.raises(errors.APIError) as caught:
        Api().ask(JWTAuth(BASIC, workspace=WORKSPACE, http_client=client))
    assert type(caught.value) is kind
    assert clock.now < 25


def test_the_environments_proxy_sees_no_request_on_loopback(server, monkeypatch):
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert Api().ask(auth_for(server)) == [200]


# Concurrency


def test_64_threads_ask_once(server):
    server.hold, api, auth = threading.Event(), Api(), auth_for(server)
    barrier = threading.Barrier(64, action=server.hold.set)

    def work(_):
        barrier.wait(10)
        return api.ask(auth)[0]

    with ThreadPoolExecutor(64) as pool:
        assert list(pool.map(work, range(64))) == [200] * 64
    assert len(server.asked) == 1


def test_1000_tasks_ask_once(server):
    api = Api()
    assert api.ask_async(auth_for(server), times=1000) == [200] * 1000
    assert len(server.asked) == 1


def test_two_loops_and_a_thread_ask_once(server):
    server.hold, api, auth = threading.Event(), Api(), auth_for(server)
    barrier = threading.Barrier(3, action=server.hold.set)

    def work(way):
        barrier.wait(10)
        return getattr(api, way)(auth, times=50)

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(work, ["ask_async", "ask_async", "ask"])) == [[200] * 50] * 3
    assert len(server.asked) == 1


def test_waiters_each_get_an_error_of_their_own(server):
    server.answers = [(503, b"", {})]

    async def run():
        async with httpx.AsyncClient(auth=auth_for(server), transport=httpx.MockTransport(Api())) as client:
            asking = [client.post("https://api.test/embed") for _ in range(20)]
            return await asyncio.gather(*asking, return_exceptions=True)

    found = asyncio.run(run())
    assert {type(error) for error in found} == {errors.InternalServerError}
    assert (len({id(error) for error in found}), len(server.asked)) == (20, 1)


def test_who_gives_up_does_not_end_the_request_for_others(server):
    server.hold, api = threading.Event(), Api()

    async def run():
        async with httpx.AsyncClient(auth=auth_for(server), transport=httpx.MockTransport(api)) as client:
            first, second = (asyncio.create_task(client.post("https://api.test/embed")) for _ in range(2))
            await asyncio.to_thread(server.arrived.wait, 10)
            first.cancel()
            await asyncio.wait([first])
            server.hold.set()
            return first.cancelled(), (await second).status_code

    assert asyncio.run(run()) == (True, 200)
    assert len(server.asked) == 1


def test_a_loop_that_ends_while_it_waits_leaves_the_token_to_others(server):
    server.hold, api, auth = threading.Event(), Api(), auth_for(server)

    async def give_up():
        async with httpx.AsyncClient(auth=auth, transport=httpx.MockTransport(api)) as client:
            async with asyncio.timeout(0.02):
                await client.post("https://api.test/embed")

    with pytest.raises(TimeoutError):
        asyncio.run(give_up())
    server.hold.set()
    assert api.ask(auth) == [200]
    assert len(server.asked) == 1


def test_an_endpoint_that_never_answers_is_given_up_and_asked_anew():
    gate, asked = threading.Event(), []

    def mint():
        asked.append(1)
        gate.wait(10)
        return Token(Secret(f"token-{len(asked)}"), 60.0)

    shared = SharedToken("u", mint, Clock(), Clock(), patience=0.02)
    with pytest.raises(errors.APITimeoutError, match="No token from u: no answer within"):
        shared.get()
    with pytest.raises(errors.APITimeoutError, match="No token from u: no answer within"):
        asyncio.run(shared.aget())
    assert len(asked) == 2
    gate.set()


@BOTH
def test_a_timeout_of_the_request_itself_says_so(way):
    def reply(request):
        raise httpx.ReadTimeout("planted", request=request)

    client = httpx.Client(transport=httpx.MockTransport(reply))
    with client, pytest.raises(errors.APITimeoutError, match=r"No token from .*ReadTimeout") as caught:
        getattr(Api(), way)(JWTAuth(BASIC, workspace=WORKSPACE, http_client=client))
    assert caught.value.retryable


def test_an_accident_reaches_who_waits():
    def mint():
        raise SystemExit

    with pytest.raises(errors.InworldEmbeddingsError, match="SystemExit"):
        SharedToken("u", mint, Clock(), Clock()).get()


@pytest.mark.skipif(sys.platform == "win32", reason="no fork")
def test_a_child_that_was_forked_during_a_request_asks_for_itself():
    program = """
import os, threading
from inworld_embeddings._core.secret import Secret
from inworld_embeddings._core.token_answer import Token
from inworld_embeddings._jwt.shared_token import SharedToken

parent, asked = os.getpid(), threading.Event()

def mint():
    if os.getpid() == parent:
        asked.set()
        threading.Event().wait()
    return Token(Secret("of-the-child"), 60.0)

shared = SharedToken("u", mint, lambda: 0.0, lambda: 0.0)
threading.Thread(target=shared.get, daemon=True).start()
asked.wait(10)
shared._lock.acquire()
if os.fork() == 0:
    print(shared.get().reveal(), flush=True)
    os._exit(0)
os.wait()
os._exit(0)
"""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", program]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20)
    assert (done.stdout, done.stderr) == ("of-the-child\n", "")


# Nothing is shown


def test_neither_repr_nor_pickle_hold_a_secret(server):
    auth = auth_for(server)
    Api().ask(auth)
    assert repr(auth) == f"JWTAuth(token_url={server.url!r})"
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="does not pickle"):
            way(auth)
    inside = repr(vars(auth)) + repr(vars(auth._tokens)) + repr(auth._tokens._mint)
    assert not any(piece in inside for piece in SHOWN)


def test_logs_hold_no_secret(server, caplog):
    with caplog.at_level(0):
        Api().ask(auth_for(server))
    assert caplog.records
    assert not any(piece in caplog.text for piece in SHOWN)


# With the clients


class Recording(httpx.AsyncBaseTransport):
    def __init__(self, refused=()):
        self.sent, self.refused = [], refused

    async def handle_async_request(self, request):
        self.sent.append((request.url.host, request.headers["authorization"]))
        if self.sent[-1][1] in self.refused:
            message = f"expired: {self.sent[-1][1]}"
            return httpx.Response(401, json={"code": 16, "message": message, "details": []})
        count = len(json.loads(request.content)["inputs"])
        return httpx.Response(200, json={"embeddings": [{"values": [1.0, 2.0]}] * count})


def test_with_the_client(server):
    transport = Recording(refused=["Bearer token-1"])
    with EmbeddingClient(auth=auth_for(server), transport=transport, batch_size=1) as client:
        assert client.embed(["a", "b", "c"]).vectors.tolist() == [[1.0, 2.0]] * 3
        client.embed("d")
    assert len(server.asked) == 2
    assert {host for host, _ in transport.sent} == {"api.inworld.ai"}
    assert transport.sent[-1][1] == "Bearer token-2"


def test_with_both_clients_at_once(server):
    auth, transport = auth_for(server), Recording()

    async def run():
        async with AsyncEmbeddingClient(auth=auth, transport=transport) as client:
            with EmbeddingClient(auth=auth, transport=transport) as other:
                return await asyncio.gather(client.embed("a"), asyncio.to_thread(other.embed, "b"))

    assert len(asyncio.run(run())) == 2
    assert len(server.asked) == 1


def test_the_clients_error_after_a_second_refusal_shows_no_token(server):
    transport = Recording(refused=["Bearer token-1", "Bearer token-2"])
    client = EmbeddingClient(auth=auth_for(server), transport=transport)
    with client, pytest.raises(errors.AuthenticationError) as caught:
        client.embed("a")
    assert len(transport.sent) == 2
    assert not any(piece in str(caught.value) for piece in SHOWN)


@pytest.mark.parametrize("status", [400, 403])
def test_no_token_stops_the_whole_call(server, status):
    server.answers = [(status, {"code": 3, "message": "no"}, {})] * 100
    transport = Recording()
    client = EmbeddingClient(auth=auth_for(server), transport=transport, batch_size=2, max_concurrency=1)
    with client, pytest.raises(errors.APIStatusError, match="No token from"):
        client.embed(["a", "b"] * 10)
    assert (len(server.asked), transport.sent) == (1, [])


def test_a_key_behind_the_token_that_the_service_echoes_is_redacted(server):
    echo = {"code": 7, "message": f"key {KEY} was deleted, pair {BASIC}", "details": []}
    transport = httpx.MockTransport(lambda _: httpx.Response(403, json=echo))
    client = EmbeddingClient(auth=auth_for(server), transport=transport)
    with client, pytest.raises(errors.PermissionDeniedError) as caught:
        client.embed("x")
    assert not any(piece in str(caught.value) for piece in SHOWN)
