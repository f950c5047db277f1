"""What docs/use/signed-tokens.md says: `JWTAuth` over a token endpoint in this process, and the requests for tokens."""

import asyncio
import base64
import copy
import json
import os
import pickle
import re
import signal
import threading
import traceback
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from unittest import mock

import httpx
import pytest

from inworld_embeddings import BasicAuth, EmbeddingClient, JWTAuth, errors
from inworld_embeddings._error_mapping import Response
from inworld_embeddings._jwt import UNKNOWN_LIFETIME, authorization, read_token
from inworld_embeddings._redaction import Secret
from inworld_embeddings.auth import TOKEN_URL
from support.fault import OK, answer, response, sends
from support.fault_server import FaultServer
from support.in_process import Service

KEY, SECRET, WORKSPACE = "planted-key", "planted-secret", "the-workspace"
BASIC = base64.b64encode(f"{KEY}:{SECRET}".encode()).decode()
NOW, DATE, END = 1747363826.0, "Fri, 16 May 2025 02:50:26 GMT", "2025-05-16T03:50:26Z"  # an hour apart
TOKEN = {"token": "header.pay-load.sig_nature", "type": "Bearer", "expirationTime": END}


class Inworld(httpx.MockTransport):
    """The token endpoint and the API.

    The first gives what ``outcomes`` holds, then token-1, token-2, …, each for an hour; while ``gate`` is closed, nothing.
    The second notes the tokens and bodies it is sent, and answers the tokens in ``statuses`` with their status.
    """

    def __init__(self, *outcomes, **statuses):
        super().__init__(lambda request: (self.token if request.url == TOKEN_URL else self.vectors)(request))
        self.outcomes, self.statuses, self.asked, self.sent = [*outcomes], statuses, [], []
        self.arrived, self.gate = threading.Event(), threading.Event()
        self.gate.set()
        client = httpx.Client(transport=self, follow_redirects=True, auth=("u", "p"))
        self.auth = partial(JWTAuth, api_key=BASIC, workspace=WORKSPACE, http_client=client)

    def token(self, request):
        self.asked.append(request)
        self.arrived.set()
        assert self.gate.wait(10)
        if not self.outcomes:
            body = TOKEN | {"token": f"token-{len(self.asked)}"}
            return httpx.Response(200, json=body, headers={"date": DATE})
        if isinstance(outcome := self.outcomes.pop(0), BaseException):
            raise outcome
        return outcome

    def vectors(self, request):
        token = request.headers["authorization"].removeprefix("Bearer ")
        self.sent.append((token, request.content))
        return httpx.Response(self.statuses.get(token.replace("-", ""), 200))

    def ask(self, auth):
        client = httpx.Client(auth=auth, transport=self)
        return client.post("https://api.test/", content=b"a body").status_code

    async def ask_awaited(self, auth):
        client = httpx.AsyncClient(auth=auth, transport=self)
        return (await client.post("https://api.test/", content=b"a body")).status_code

    def ask_async(self, auth):
        return asyncio.run(self.ask_awaited(auth))


BOTH = pytest.mark.parametrize(
    "way", [Inworld.ask, Inworld.ask_async]
)  # httpx asks each face for a flow of its own


def leaks(text):
    return [piece for piece in ("planted", BASIC[:8], "token-", "IW1-HMAC") if piece in text]


def assert_hides_secrets(error):
    """Neither its text nor the local variables of our frames show anything."""
    frames = [frame for frame, _ in traceback.walk_tb(error.__traceback__)]
    ours = [f.f_locals for f in frames if f.f_globals.get("__name__", "").startswith("inworld_embeddings")]
    assert ours
    assert not leaks("".join(traceback.format_exception(error)) + repr(error) + repr(ours))
    assert error.__context__ is None


@pytest.mark.parametrize(
    ("make", "settings", "says"),
    [
        (JWTAuth, {}, "INWORLD_WORKSPACE"),
        (JWTAuth, {"workspace": "a/b"}, "bare id"),
        (JWTAuth, {"token_url": "http://planted.localhost/x"}, "token_url is http://"),
        (JWTAuth, {"leeway": float("nan")}, "leeway"),
        (JWTAuth, {"http_client": httpx.AsyncClient()}, "asynchronous"),
        (BasicAuth, {"api_key": lambda: BASIC}, "a str"),
        (EmbeddingClient, {"api_key": None, "key": "planted:key", "secret": SECRET}, "key"),
        (EmbeddingClient, {"unknown": 1}, "unknown"),
    ],
    ids=range(8),
)
def test_I07_what_cannot_work_is_told_without_the_credential_in_the_traceback_too(make, settings, says):
    with pytest.raises((errors.ConfigurationError, TypeError), match=says) as caught:
        make(**({"api_key": BASIC} | settings))
    assert_hides_secrets(caught.value)


def test_neither_repr_nor_pickle_hold_a_secret():
    auth = JWTAuth(BASIC, workspace=WORKSPACE)
    assert repr(auth) == f"JWTAuth(token_url={TOKEN_URL!r})"
    assert not leaks(repr(vars(auth)))
    for way in (pickle.dumps, copy.copy, copy.deepcopy):
        with pytest.raises(TypeError, match="does not pickle"):
            way(auth)


# The request for a token


def test_the_published_vector():
    vector = "a7c2a9aa136f45175e34e54a8e740f5f057a1e2c80070428fda53750f81b5251"
    values = f"ApiKey=the-key,DateTime=20250516025026,Nonce=0123456789a,Signature={vector}"
    made = authorization(Secret("the-key"), Secret("testsecret"), NOW, "0123456789a")
    assert made.reveal() == f"IW1-HMAC-SHA256 {values}"


def test_the_request_for_a_token(monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", BASIC)
    monkeypatch.setenv("INWORLD_WORKSPACE", f"workspaces/{WORKSPACE}")
    inworld, nonces = Inworld(token1=401), set()
    inworld.ask(inworld.auth(api_key=None, workspace=None, clock=lambda: NOW))
    for request in inworld.asked:
        assert request.method == "POST"
        assert json.loads(request.content) == {"key": KEY, "resources": [f"workspaces/{WORKSPACE}"]}
        assert request.headers["user-agent"].startswith("inworld-embeddings/")
        header = request.headers["authorization"]
        nonces.add(nonce := re.search(r"Nonce=([0-9a-f]{11}),", header)[1])
        assert header == authorization(Secret(KEY), Secret(SECRET), NOW, nonce).reveal()
    assert len(nonces) == 2


def test_a_client_of_its_own_heeds_ssl_cert_file_and_no_proxy_on_loopback(trusted, monkeypatch, caplog):
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:9")
    gives_one = answer("a token", 200, b'{"token": "token-1"}')
    with FaultServer(gives_one, tls=trusted.good) as server, caplog.at_level(0):
        assert Inworld().ask(JWTAuth(BASIC, workspace=WORKSPACE, token_url=f"{server.url}/t")) == 200
    assert "/t" in caplog.text
    assert not leaks(caplog.text)


@pytest.mark.parametrize(
    ("ends", "options", "seconds"),
    [
        (END, {}, 3540),
        (END, {"leeway": 0}, 3600),
        ("2025-05-16T02:50:46Z", {}, 10),  # half of a short life at most is given up
        *((ends, {}, UNKNOWN_LIFETIME) for ends in ("2025-05-16T02:50:26Z", None, "soon", 1747363826)),
        (END, {"now": NOW + 7200}, 3540),  # with a Date our clock does not count
        (END, {"now": NOW + 1800, "date": "yesterday"}, 1740),
    ],
)
def test_how_long_a_token_is_used(ends, options, seconds):
    given = {"date": DATE, "now": NOW, "leeway": 60.0} | options
    body = json.dumps(TOKEN | {"expirationTime": ends}).encode()
    token, use_for = read_token(Response(200, [(b"Date", given.pop("date").encode())], body), **given)
    assert (token.reveal(), use_for) == (TOKEN["token"], seconds)


def refused(status, message="no", **headers):
    return httpx.Response(status, json={"code": 7, "message": message}, headers=headers)


def endless():
    yield from [b" " * 8192] * 9
    pytest.fail("read on and on")


DENIED, NO_TOKEN = errors.PermissionDeniedError, errors.APIResponseValidationError
FAILURES = [
    (refused(302, location=f"https://{KEY}.example/x"), errors.RedirectError, "never.*token_url"),
    (refused(400, "bad resources"), errors.AuthenticationError, "HTTP 400: bad resources"),
    (refused(403, f"{KEY} with plan*** is unknown"), DENIED, "redacted"),
    (refused(403), DENIED, "check this machine's clock"),
    (refused(403, date="Fri, 16 May 2025 00:50:26 GMT"), DENIED, "clock is 7200 s ahead of the server's"),
    (refused(403, date="Fri, 16 May 2025 02:51:56 GMT"), DENIED, "clock is 90 s behind the server's"),
    (httpx.ReadTimeout(f"for {KEY}"), errors.APITimeoutError, "ReadTimeout"),
    (SystemExit(KEY), errors.ConfigurationError, "SystemExit"),
]
BODIES = [b"<title>planted</title>", b"[]", b'{"a": ' + b"[" * 100_000, b'{"token": "\xff"}', endless()]
BODIES += [b'{"token": null}', b'{"token": ""}', b'{"token": "a", "type": "planted"}']
BODIES += [b'{"token": "planted%b"}' % more for more in (b" words", b"\\r\\nX: 1", b"planted" * 10_000)]
FAILURES += [(httpx.Response(200, content=body), NO_TOKEN, "token_url") for body in BODIES]


@pytest.mark.parametrize(("outcome", "kind", "says"), FAILURES, ids=str)
def test_failures_name_the_endpoint_and_no_secret(outcome, kind, says):
    inworld = Inworld(outcome)
    auth = inworld.auth(clock=lambda: NOW)
    with pytest.raises(kind, match=f"^No token from {TOKEN_URL}: .*{says}") as caught:
        inworld.ask(auth)
    assert_hides_secrets(caught.value)
    assert len(inworld.asked) == 1
    assert inworld.ask(auth) == 200  # the next request asks anew


# Renewal


def test_a_token_is_renewed_before_its_end_by_whichever_clock_says_more():
    inworld, clock, monotonic = Inworld(), mock.Mock(), mock.Mock()
    auth = inworld.auth(clock=clock, monotonic=monotonic)
    for wall, seconds, token in (
        (NOW, 0, "token-1"),
        (NOW + 3539, 3539, "token-1"),
        (NOW - 1e6, 3539, "token-1"),  # somebody set the wall clock back
        (NOW - 1e6, 3541, "token-2"),
        (NOW - 1e6 + 3541, 3541, "token-3"),  # the machine slept
    ):
        clock.return_value, monotonic.return_value = wall, seconds
        inworld.ask(auth)
        assert inworld.sent[-1][0] == token


@BOTH
@pytest.mark.parametrize(
    ("refused", "statuses", "tokens"),
    [
        ({"token1": 401}, [200, 200], "122"),
        ({"token1": 403, "token2": 401}, [401, 200], "1223"),  # the second refusal stands
        *(({"token1": status}, [status, status], "11") for status in (400, 429, 500)),
    ],
)
def test_a_refused_token_is_replaced_once_with_the_body_sent_again(way, refused, statuses, tokens):
    inworld = Inworld(**refused)
    auth = inworld.auth()
    assert [way(inworld, auth) for _ in statuses] == statuses
    assert inworld.sent == [(f"token-{number}", b"a body") for number in tokens]
    assert len(inworld.asked) == len(set(tokens))


# Sharing


def test_32_threads_and_two_loops_ask_once_and_once_more_when_all_of_them_are_refused():
    inworld = Inworld(token1=401)
    auth = inworld.auth()
    inworld.gate.clear()
    barrier = threading.Barrier(34, action=inworld.gate.set)

    def work(ask):
        barrier.wait(10)
        return [ask(auth) for _ in range(3)]

    with ThreadPoolExecutor(34) as pool:
        assert list(pool.map(work, [inworld.ask] * 32 + [inworld.ask_async] * 2)) == [[200] * 3] * 34
    assert len(inworld.asked) == 2


def test_the_event_loop_goes_on_and_who_gives_up_does_not_end_the_request_for_others():
    inworld = Inworld()
    auth = inworld.auth()
    inworld.gate.clear()

    async def run():
        first, second = (asyncio.create_task(inworld.ask_awaited(auth)) for _ in range(2))
        assert await asyncio.to_thread(inworld.arrived.wait, 10)
        first.cancel()
        await asyncio.wait([first])
        inworld.gate.set()
        return first.cancelled(), await second

    assert asyncio.run(run()) == (True, 200)
    assert len(inworld.asked) == 1


@BOTH
def test_an_endpoint_that_never_responds_is_given_up_and_asked_anew(way):
    inworld = Inworld()
    auth = inworld.auth()
    inworld.gate.clear()
    gives_up = pytest.raises(errors.APITimeoutError, match="No token from .*: no response within 0 s")
    with mock.patch.object(JWTAuth, "_patience", 0), gives_up:
        way(inworld, auth)
    assert inworld.arrived.wait(10)
    inworld.gate.set()
    assert way(inworld, auth) == 200
    assert len(inworld.asked) == 2


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_F01_a_forked_child_uses_the_token_and_one_forked_during_a_request_asks_for_itself():
    inworld = Inworld()
    auth = inworld.auth()
    token = auth._get()

    def child_gets(expected, refused=None):
        if (child := os.fork()) == 0:
            signal.alarm(30)
            inworld.gate = mock.Mock()  # that of the parent is closed
            os._exit(auth._get(refused).reveal() != expected)
        return os.waitpid(child, 0)[1] == 0

    assert child_gets("token-1")
    inworld.arrived.clear()
    inworld.gate.clear()
    asking = threading.Thread(target=auth._get, args=(token,))
    asking.start()
    assert inworld.arrived.wait(10)
    with auth._lock:
        assert child_gets("token-3", refused=token), "the second one is the parent's"
    inworld.gate.set()
    asking.join()


# With the clients


def test_with_the_client_a_refused_token_is_renewed_and_the_second_refusal_shows_no_secret():
    def echo(ex):
        told = f"expired: {ex.request.head.get('authorization')} of {KEY}, {BASIC}"
        return response(401, json.dumps({"code": 16, "message": told}).encode())

    inworld, service = Inworld(), Service([sends("echo", echo), OK, sends("echo", echo)])
    with EmbeddingClient(auth=inworld.auth(), transport=service) as client:
        service.oracle.check_one("a", client.embed("a"))
        with pytest.raises(errors.AuthenticationError, match="redacted") as caught:
            client.embed("a")
    assert (len(inworld.asked), len(service.requests)) == (3, 4)
    assert not leaks(str(caught.value))


def test_no_token_stops_the_whole_call():
    inworld, service = Inworld(*[refused(400)] * 100), Service()
    client = EmbeddingClient(auth=inworld.auth(), transport=service, batch_size=2, max_concurrency=1)
    with client, pytest.raises(errors.APIStatusError, match="No token from"):
        client.embed(["a", "b"] * 10)
    assert (len(inworld.asked), service.requests) == (1, [])
