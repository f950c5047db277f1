"""What both layers send, the wrapper by its default model, is what the spec's examples are, and what openapi.yaml is watched
for; openapi-core judges it in tests/evolution. They read the same in each cassette, and `record` writes what plays back.
"""

import json
from pathlib import Path
from unittest import mock

import httpx
import numpy as np
import pytest
import vcr

from inworld_embeddings import APIResponseValidationError, APIStatusError, EmbeddingClient, EmbeddingResult
from inworld_embeddings import InworldEmbeddingsError as AnyError
from inworld_embeddings._settings import emulator_credential
from inworld_embeddings_client import AuthenticatedClient, EmbedRequest, EmbedResponse, Status, embed
from inworld_embeddings_emulator import Emulator, EmulatorServer, LocalTransport, Request
from tools import record
from tools.spec import reliance

FIXTURES = Path(__file__).resolve().parents[1] / "fixtures"
KEY = emulator_credential().reveal()
MODEL = {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}
URL = "https://api.inworld.ai/ml/v1alpha/embedding:embed"
REQUESTS = sorted((FIXTURES / "spec" / "requests").glob("*.json"))
BODIES = {path.stem: json.loads(path.read_text("utf-8"))["body"] for path in REQUESTS}
FOLDERS = ("spec/responses", "recorded", "synthetic")
CASSETTES = sorted(path for folder in FOLDERS for path in (FIXTURES / folder).glob("*.json"))


@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_every_example_is_sent_by_both_layers_as_it_is(body):
    sent = []

    def reply(request):
        sent.append(request)
        return httpx.Response(200, json={"embeddings": [{"values": [0.5, 0.25]}] * len(body["inputs"])})

    transport = httpx.MockTransport(reply)
    with AuthenticatedClient(token=KEY, httpx_args={"transport": transport}) as client:
        embed.sync(client=client, body=EmbedRequest.from_dict(body))
    with EmbeddingClient(api_key=KEY, transport=transport) as client:
        client.embed([item["text"] for item in body["inputs"]])
    assert [json.loads(request.content) for request in sent] == [body, body]
    for request in sent:
        assert (str(request.url), request.headers["authorization"]) == (URL, f"Basic {KEY}")


def paths_in(value, prefix=""):
    """The dotted path of everything in a JSON value, `[]` for an item."""
    inside = value.items() if isinstance(value, dict) else ()
    inside = (("[]", item) for item in value) if isinstance(value, list) else inside
    for name, item in inside:
        yield f"{prefix}{name}"
        yield from paths_in(item, f"{prefix}{name}.")


def test_what_is_sent_and_read_is_what_the_wrapper_sends_and_the_emulator_answers():
    emulator = mock.Mock(Emulator, wraps=Emulator())
    with EmbeddingClient(api_key=KEY, transport=LocalTransport(emulator)) as client:
        client.embed(["a", "b"])
    (request,) = emulator.handle.call_args.args
    assert (request.method.lower(), request.path) == (reliance.ENDPOINT.method, reliance.ENDPOINT.path)
    assert set(paths_in(json.loads(request.body))) - {"inputs.[]"} == reliance.SENT.keys()
    reply = Emulator().handle(request)
    assert set(paths_in(json.loads(reply.body))) - {"embeddings.[]"} == reliance.READ.keys()
    refused = Emulator().handle(Request("POST", reliance.ENDPOINT.path, {}, b""))
    assert set(json.loads(refused.body)) == reliance.ERROR.keys()


def play(path):
    """Any request beyond the cassette fails."""
    same = ["method", "scheme", "host", "path"]
    recorder = vcr.VCR(serializer="json", record_mode=vcr.mode.NONE, match_on=same)
    return recorder.use_cassette(str(path), allow_playback_repeats=True)


def by_wrapper(request):
    """The result, or the error. vcrpy plays cassettes to httpx's own transport."""
    with EmbeddingClient(api_key=KEY, max_retries=0, transport=httpx.AsyncHTTPTransport()) as client:
        try:
            return client.embed([item["text"] for item in request["inputs"]])
        except AnyError as error:
            return error


@pytest.mark.parametrize("path", CASSETTES, ids=lambda path: path.stem)
def test_both_layers_read_the_same(path):
    (exchange,) = json.loads(path.read_text("utf-8"))["interactions"]
    request, response = json.loads(exchange["request"]["body"]), exchange["response"]
    generated = AuthenticatedClient(token=KEY, raise_on_unexpected_status=False)
    with play(path), generated as client:
        low = embed.sync_detailed(client=client, body=EmbedRequest.from_dict(request))
        outcome = by_wrapper(request)
    status = response["status"]["code"]
    assert (low.status_code, low.content.decode()) == (status, response["body"]["string"])
    good = path.parent.name == "responses" or path.stem == "integers_and_extras_200"
    assert isinstance(outcome, EmbeddingResult) or not good
    if isinstance(outcome, EmbeddingResult):
        assert isinstance(low.parsed, EmbedResponse)
        rows = np.array([row.values for row in low.parsed.embeddings], dtype=np.float64).astype(np.float32)
        assert outcome.vectors.tobytes() == rows.tobytes()
        assert len(outcome) == len(request["inputs"])
    elif status == 200:
        assert isinstance(outcome, APIResponseValidationError)
    else:
        assert isinstance(outcome, APIStatusError)
        assert outcome.status_code == status
        assert not isinstance(low.parsed, Status) or outcome.code == low.parsed.code


def test_recordings_play_and_hold_no_key(tmp_path, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    with EmulatorServer() as server:
        url = server.url
        assert record.main(["--out", str(tmp_path), "--base-url", url]) == 0
    with play(tmp_path / "multiple_texts.json"), AuthenticatedClient(base_url=url, token="other") as client:
        played = embed.sync(client=client, body=EmbedRequest.from_dict({"inputs": [], "model": MODEL}))
    assert len(played.embeddings) == 3
    texts = {path.stem: path.read_text("utf-8") for path in tmp_path.glob("*.json")}
    told = {name: json.loads(text)["interactions"][0]["response"]["status"] for name, text in texts.items()}
    assert (told["single_text"]["code"], told["unknown_key"]["code"], len(told)) == (200, 403, 10)
    assert all("recorded from http://127.0.0.1" in text for text in texts.values())
    assert not any(piece in text for piece in record.pieces(KEY) for text in texts.values())


def test_an_answer_that_echoes_the_key_is_not_written(tmp_path):
    body = {"inputs": [{"text": "x"}], "model": MODEL}
    with EmulatorServer() as server, pytest.raises(SystemExit, match="not written"):
        record.record("echo", body, KEY, server.url, tmp_path, ["embeddings"])
    assert not list(tmp_path.iterdir())
