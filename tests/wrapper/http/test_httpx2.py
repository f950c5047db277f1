"""Objects of httpx2, whose classes are not httpx's: whatever takes the one takes the other, and says the same of it."""

import httpx
import httpx2
import pytest

from inworld_embeddings import EmbeddingClient, JWTAuth, errors
from inworld_embeddings_emulator import Emulator, LocalTransport
from inworld_embeddings_emulator.engines import HashEngine
from support.clients import KEY, failure
from support.fault_server import FaultServer
from support.processes import assert_silent, program

LIBRARIES = pytest.mark.parametrize("library", [httpx, httpx2], ids=["httpx", "httpx2"])
EMULATOR = {"key": "local", "secret": "local", "base_url": "http://localhost"}


def as_transport(library, inner):
    class Inside(library.AsyncBaseTransport):
        handle_async_request = inner.handle_async_request

    return {"transport": Inside()}


def as_client(library, inner):
    return {"http_client": library.AsyncClient(transport=inner, headers={"x-team": "search"})}


ENDS = ["drop", "drop;reset", "truncate=9", "truncate=9;reset"]
SCRIPTS = ["ok", *ENDS, "status=503", "truncate=9;reset+status=503", "html"]


def outcome(library, way, script):
    """What a caller is given: vectors, or the error's class and all that it says."""
    inner = LocalTransport(Emulator(HashEngine(8)), script)
    with EmbeddingClient(**EMULATOR, **way(library, inner), max_retries=0) as client:
        try:
            return client.embed(["a", "b"]).tolist()
        except errors.APIError as error:
            return type(error), str(error), error.retryable


@pytest.mark.parametrize("way", [as_transport, as_client])
@pytest.mark.parametrize("script", SCRIPTS)
def test_what_came_through_it_is_the_same(way, script):
    made = outcome(httpx2, way, script)
    assert made == outcome(httpx, way, script)
    assert (made[0] is errors.APIConnectionError) is (script in ENDS)


@LIBRARIES
def test_a_certificate_it_refuses_is_never_tried_again(library, tls):
    with FaultServer(tls=tls.untrusted) as server:
        error = failure(server.url, transport=library.AsyncHTTPTransport())
        assert isinstance(error, errors.TLSError)
        server.oracle.assert_requests(0)


@LIBRARIES
def test_an_auth_flow_may_ask_elsewhere_first(library):
    """The flow sends a request of its own, reads its response, and signs the first one by it."""

    class Flow(library.Auth):
        requires_response_body = True

        def auth_flow(self, request):
            assert isinstance(request, library.Request)
            token = yield library.Request("GET", "https://tokens.example/new")
            request.headers["Authorization"] = f"Basic {token.json()['token']}"
            assert (yield request).json()["embeddings"]

    def respond(request):
        if request.url.host == "tokens.example":
            return httpx.Response(200, json={"token": KEY})
        known = request.headers["Authorization"] == f"Basic {KEY}"
        return httpx.Response(200 if known else 401, json={"embeddings": [{"values": [1.0]}]})

    with EmbeddingClient(auth=Flow(), transport=httpx.MockTransport(respond)) as client:
        assert client.embed("a").tolist() == [1.0]


def test_tokens_may_come_and_go_through_it():
    """`JWTAuth` fetches through a client of httpx2; with its class beside it, it signs the requests of another."""

    class Auth(JWTAuth, httpx2.Auth):
        pass

    def respond(request):
        if request.url.path.endswith("token:generate"):
            return httpx2.Response(200, json={"token": request.headers["authorization"][:9]})
        return httpx2.Response(200, text=request.headers["authorization"])

    inside = httpx2.MockTransport(respond)
    auth = Auth(KEY, workspace="w", http_client=httpx2.Client(transport=inside))
    with httpx2.Client(auth=auth, transport=inside) as client:
        assert client.get("https://api.test/").text == "Bearer IW1-HMAC-"


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("", "assert 'httpx2' not in sys.modules"),
        ("import httpx2; httpx2.alias_httpx()", "import httpx; assert httpx.Request is httpx2.Request"),
    ],
)
def test_it_is_not_loaded_by_us_and_may_stand_in_httpxs_place(first, last):
    code = f"""
import sys
{first}
from inworld_embeddings import EmbeddingClient
with EmbeddingClient.local(faults="drop, ok") as client:
    assert client.embed(["a"]).vectors.shape == (1, 768)
{last}
"""
    assert_silent(program(code, preamble=""))
