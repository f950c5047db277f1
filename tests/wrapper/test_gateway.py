"""The real API behind the face, played by a service in this process, through a real client."""

import contextlib
import io
import json
import re

import httpx
import pytest

from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings.gateway import NothingElse, Upstream, openai_error
from inworld_embeddings.models import MODELS
from inworld_embeddings_emulator import EmulatorServer, Request
from inworld_embeddings_emulator.openai_face import OpenAIFace
from support.fault import OK, status
from support.in_process import KEY, Service
from support.vectors import vectors_for

MODEL = "BAAI/bge-large-en-v1.5"
HEADERS = {"authorization": "Bearer local:local"}


@contextlib.contextmanager
def faced(script=OK):
    """The service, the client of it, and a function that POSTs to its face over a socket."""
    service, log = Service(script), io.StringIO()
    with (
        EmbeddingClient(api_key=KEY, transport=service, max_retries=0, timeout=10) as client,
        EmulatorServer(OpenAIFace(NothingElse(), Upstream(client)), log=log) as front,
    ):

        def ask(texts="planted-text", path="/v1/embeddings"):
            return httpx.post(front.url + path, json={"model": MODEL, "input": texts}, headers=HEADERS)

        yield service, client, ask
    assert "planted" not in log.getvalue()


def test_vectors_of_the_api_with_the_model_that_was_named():
    with faced() as (service, _, ask):
        response = ask(["a", "b"])
    told = response.json()
    assert [row["embedding"] for row in told["data"]] == vectors_for(["a", "b"]).tolist()
    assert told["model"] == MODEL
    (sent,) = map(json.loads, service.bodies)
    assert (sent["model"]["model"], sent["inputs"]) == (MODEL, [{"text": "a"}, {"text": "b"}])
    assert "x-inworld-emulator-engine" not in response.headers


def test_models_are_those_that_are_known_and_nothing_else_is_served_nor_to_the_clients_key():
    with faced() as (_, client, ask):
        face = OpenAIFace(NothingElse(), Upstream(client))
        listed = json.loads(face.handle(Request("GET", "/v1/models", HEADERS, b"")).body)
        assert [model["id"] for model in listed["data"]] == list(MODELS)
        assert [ask(path=path).status_code for path in ("/ml/v1alpha/embedding:embed", "/")] == [404, 404]
        for key in ("planted-key:planted-secret", KEY):
            request = Request("POST", "/v1/embeddings", {"authorization": f"Bearer {key}"}, b"{}")
            assert face.handle(request).status == 401


@pytest.mark.parametrize(
    ("http", "headers", "expected"),
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
def test_the_apis_errors_in_openais_words(http, headers, expected):
    message = f"planted-text {KEY} planted-key:planted-secret"
    with faced(status(http, message=message, headers=headers)) as (_, _, ask):
        response = ask()
    told = response.json()["error"]
    assert (response.status_code, told["type"], told["code"], response.headers.get("retry-after")) == expected
    assert response.headers["x-should-retry"] == "false"
    assert told["message"]
    assert ("key this server was given" in told["message"]) is (http in (401, 403))
    assert not re.search("planted|" + KEY[:8], response.text + str(response.headers))


WITHOUT_STATUS = {
    errors.InvalidInputError: 400,
    errors.ConfigurationError: 500,
    errors.ClientClosedError: 503,
    errors.APIConnectionError: 502,
    errors.APITimeoutError: 504,
    errors.APIResponseValidationError: 502,
    errors.InworldEmbeddingsError: 500,
}


def test_errors_without_a_status_and_a_partial_failure_which_is_its_first_failures_error():
    assert {kind: openai_error(kind("x")).status for kind in WITHOUT_STATUS} == WITHOUT_STATUS
    with faced("ok, status=400") as (_, client, _):
        with pytest.raises(errors.PartialFailureError) as caught:
            client.embed(["a", "b"], batch_size=1, max_concurrency=1)
        assert openai_error(caught.value).status == 400
