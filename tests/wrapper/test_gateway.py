"""The real API behind the face, played by an emulator on another port, through a real client."""

import base64
import io
import json
import re

import httpx
import pytest

from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings.gateway import NothingElse, Upstream, openai_error
from inworld_embeddings.models import MODELS
from inworld_embeddings_emulator import Emulator, EmulatorServer, Reply, Request
from inworld_embeddings_emulator.engines import HashEngine
from inworld_embeddings_emulator.openai_face import OpenAIFace

KEY = "planted-key:planted-secret"
ENCODED = base64.b64encode(KEY.encode()).decode()
HEADERS = {"authorization": "Bearer local:local"}


class Api:
    """The API on its own port: an emulator that remembers, or replies as it is told."""

    uses_test_key = False

    def __init__(self):
        self.emulator = Emulator(HashEngine(4), KEY)
        self.told = None
        self.good = 0
        self.seen = []

    def handle(self, request):
        self.seen.append(json.loads(request.body))
        well = self.told is None or len(self.seen) <= self.good
        return self.emulator.handle(request) if well else self.told

    def say(self, status, *headers, message="planted-text"):
        body = json.dumps({"code": 2, "message": message, "details": []}).encode()
        self.told = Reply(status, (("content-type", "application/json"), *headers), body)


@pytest.fixture
def api():
    return Api()


@pytest.fixture
def client(api):
    with (
        EmulatorServer(api) as server,
        EmbeddingClient(base_url=server.url, api_key=ENCODED, max_retries=0, timeout=10) as made,
    ):
        yield made


@pytest.fixture
def ask(client):
    """POSTs to the face over a socket."""
    log = io.StringIO()
    with EmulatorServer(OpenAIFace(NothingElse(), Upstream(client)), log=log) as front:

        def send(texts="planted-text", path="/v1/embeddings", **fields):
            body = {"model": "BAAI/bge-large-en-v1.5", "input": texts, **fields}
            return httpx.post(front.url + path, json=body, headers=HEADERS)

        yield send
    assert "planted" not in log.getvalue()


def test_vectors_of_the_api_with_the_model_that_was_named(ask, api):
    response = ask(["a", "b"])
    assert [row["embedding"] for row in response.json()["data"]] == [
        pytest.approx(vector, abs=1e-7) for vector in HashEngine(4).embed(["a", "b"])
    ]
    assert response.json()["model"] == "BAAI/bge-large-en-v1.5"
    (sent,) = api.seen
    assert sent["model"]["model"] == "BAAI/bge-large-en-v1.5"
    assert [entry["text"] for entry in sent["inputs"]] == ["a", "b"]


def test_an_emulator_behind_it_is_named_and_the_real_api_is_not(ask, api):
    assert ask().headers["x-inworld-emulator-engine"] == "hash-4"
    body = b'{"embeddings":[{"values":[1,0]}]}'
    api.told = Reply(200, (("content-type", "application/json"),), body)
    assert "x-inworld-emulator-engine" not in ask().headers


def test_models_are_those_that_are_known(client):
    face = OpenAIFace(NothingElse(), Upstream(client))
    listed = json.loads(face.handle(Request("GET", "/v1/models", HEADERS, b"")).body)
    assert [model["id"] for model in listed["data"]] == list(MODELS)


def test_nothing_else_is_served(ask):
    assert ask(path="/ml/v1alpha/embedding:embed").status_code == 404
    assert ask(path="/").status_code == 404


@pytest.mark.parametrize(
    ("status", "headers", "expected"),
    [
        (429, [("retry-after", "7")], (429, "rate_limit_error", "rate_limit_exceeded", "7")),
        (400, [], (400, "invalid_request_error", None, None)),
        (401, [], (401, "invalid_request_error", None, None)),
        (501, [], (404, "invalid_request_error", None, None)),
        (499, [], (499, "invalid_request_error", None, None)),
        (503, [("retry-after", "1")], (503, "server_error", None, "1")),
        (302, [("location", "/")], (502, "server_error", None, None)),
    ],
)
def test_the_apis_errors_in_openais_words(ask, api, status, headers, expected):
    api.say(status, *headers, message=f"planted-text {ENCODED} {KEY}")
    response = ask()
    told = response.json()["error"]
    assert (response.status_code, told["type"], told["code"], response.headers.get("retry-after")) == expected
    assert response.headers["x-should-retry"] == "false"
    assert told["message"]
    assert ("key this server was given" in told["message"]) is (status in (401, 403))
    assert not re.search("planted|" + ENCODED[:8], response.text + str(response.headers))


WITHOUT_STATUS = {
    errors.InvalidInputError: 400,
    errors.ConfigurationError: 500,
    errors.ClientClosedError: 503,
    errors.APIConnectionError: 502,
    errors.APITimeoutError: 504,
    errors.APIResponseValidationError: 502,
    errors.InworldEmbeddingsError: 500,
}


def test_errors_without_a_status():
    assert {kind: openai_error(kind("x")).status for kind in WITHOUT_STATUS} == WITHOUT_STATUS


def test_a_partial_failure_is_its_first_failures_error(api, client):
    api.say(400)
    api.good = 1
    with pytest.raises(errors.PartialFailureError) as caught:
        client.embed(["a", "b"], batch_size=1, max_concurrency=1)
    assert openai_error(caught.value).status == 400


def test_the_key_that_opens_the_face_is_not_the_clients(ask, client):
    face = OpenAIFace(NothingElse(), Upstream(client))
    for key in (KEY, ENCODED):
        request = Request("POST", "/v1/embeddings", {"authorization": f"Bearer {key}"}, b"{}")
        assert face.handle(request).status == 401
