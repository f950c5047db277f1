"""The real API behind the face, played by a service in this process, through a real client. Over sockets: cli/test_serve.py."""

import json
import re

import pytest

from inworld_embeddings import EmbeddingClient, errors
from inworld_embeddings.gateway import NothingElse, Upstream, openai_error
from inworld_embeddings.models import MODELS
from inworld_embeddings_emulator import Request
from inworld_embeddings_emulator.openai_face import OpenAIFace
from support.fault import OK, status
from support.in_process import KEY, Service
from support.vectors import vectors_for

MODEL = "BAAI/bge-large-en-v1.5"
EMBED = "POST", "/v1/embeddings"


def asked(service, *texts, request=EMBED, key="local:local", **settings):
    """What the face of a service replies."""
    body = json.dumps({"model": MODEL, "input": texts}).encode()
    settings = {"api_key": KEY, "transport": service, "max_retries": 0} | settings
    with EmbeddingClient(**settings) as client:
        face = OpenAIFace(NothingElse(), Upstream(client))
        return face.handle(Request(*request, {"authorization": f"Bearer {key}"}, body))


def test_vectors_of_the_api_with_the_model_that_was_named():
    service = Service()
    reply = asked(service, "a", "b")
    told = json.loads(reply.body)
    assert [row["embedding"] for row in told["data"]] == vectors_for(["a", "b"]).tolist()
    assert told["model"] == MODEL
    (sent,) = map(json.loads, service.bodies)
    assert (sent["model"]["model"], sent["inputs"]) == (MODEL, [{"text": "a"}, {"text": "b"}])
    assert "x-inworld-emulator-engine" not in dict(reply.headers)


def test_models_are_those_that_are_known_and_nothing_else_is_served_nor_to_the_clients_key():
    listed = json.loads(asked(Service(), request=("GET", "/v1/models")).body)
    assert [model["id"] for model in listed["data"]] == list(MODELS)
    for path in ("/ml/v1alpha/embedding:embed", "/"):
        assert asked(Service(), "a", request=("POST", path)).status == 404
    for key in ("planted-key:planted-secret", KEY):
        assert asked(Service(), "a", key=key).status == 401


@pytest.mark.parametrize(
    ("http", "headers", "expected"),
    [
        (429, [("retry-after", "7")], (429, "rate_limit_error", "rate_limit_exceeded", "7")),
        (400, [], (400, "invalid_request_error", None, None)),
        (401, [], (401, "invalid_request_error", None, None)),
        (501, [], (404, "invalid_request_error", None, None)),
        (503, [("retry-after", "1")], (503, "server_error", None, "1")),
        (302, [("location", "/")], (502, "server_error", None, None)),
    ],
)
def test_the_apis_errors_in_openais_words(http, headers, expected):
    script = status(http, message=f"planted-text {KEY} planted-key:planted-secret", headers=headers)
    reply = asked(Service(script), "planted-text", timeout=10)
    told, headers = json.loads(reply.body)["error"], dict(reply.headers)
    assert (reply.status, told["type"], told["code"], headers.get("retry-after")) == expected
    assert headers["x-should-retry"] == "false"
    assert ("key this server was given" in told["message"]) is (http == 401)
    assert not re.search("planted|" + KEY[:8], str(reply))


def test_a_partial_failure_is_its_first_failures_error():
    assert asked(Service([OK, status(400)]), "a", "b", batch_size=1, max_concurrency=1).status == 400


def test_errors_without_a_status():
    kinds = errors.InvalidInputError, errors.ConfigurationError, errors.ClientClosedError
    kinds += errors.APIConnectionError, errors.APITimeoutError, errors.APIResponseValidationError
    assert [openai_error(kind("x")).status for kind in kinds] == [400, 500, 503, 502, 504, 502]
