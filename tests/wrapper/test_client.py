"""The clients: what goes in (rows E), what comes out, and what each request is made of. test_parity.py covers the other face."""

import json

import httpx
import numpy as np
import pytest

import inworld_embeddings_client
from inworld_embeddings import BasicAuth, EmbeddingClient, EmbeddingResult, ProviderAuth, _api, errors
from inworld_embeddings.options import CALL, defaults, merged
from support.clients import asynchronous_key
from support.fault import JSON, OK, Fault, status
from support.in_process import KEY, AsyncFace, Service, SyncFace, embed
from support.oracle import EMBED_PATH
from support.vectors import text_id, vector_for, vectors_for

ODD = [
    *("a", "", " \n\t", "b", "", "\0", "\x1f", "a\u2028b\u2029c", "\ufeffbom", '\\ " / \b\f\n\r\t'),
    *("\x7f\x85", "\U0001f469\u200d\U0001f52c", "\uffff"),
]


def test_a_sequence_gives_a_result_in_input_order():
    identified = Fault(
        "id", lambda ex: ex.reply(200, ex.good_body(), [JSON, ("x-inworld-request-id", "ab" * 16)])
    )
    texts = ["x" * n for n in range(1, 100)]
    service, result = embed(identified, texts, batch_size=7)
    assert isinstance(result, EmbeddingResult)
    service.oracle.check(texts, result.vectors)
    assert result.vectors.flags.c_contiguous
    assert (result.stats.requests, result.stats.attempts, result.stats.retries) == (15, 15, 0)
    assert set(result.stats.request_ids) == {"ab" * 16}
    assert (result.engine, result.failures, result.dimension) == (None, (), 8)


@pytest.mark.parametrize("empty", [[], (), iter(())])
def test_E01_no_texts_give_no_rows_and_no_request(empty):
    service, result = embed(OK, empty)
    assert (result.vectors.shape, result.vectors.dtype, len(result)) == ((0, 768), np.float32, 0)
    assert (result.failures, list(result), result.stats.attempts) == ((), [], 0)
    service.oracle.assert_requests(0)


SURROGATES = {"lone high": "a\ud800b", "lone low": "\udfff", "paired": "\ud83d\ude00"}


@pytest.mark.parametrize("text", SURROGATES.values(), ids=SURROGATES)
def test_E03_a_surrogate_is_refused_before_any_request_or_replaced_where_asked(text):
    replaced = "".join("\ufffd" if "\ud800" <= letter <= "\udfff" else letter for letter in text)
    with SyncFace(Service()) as face:
        for texts, index in ((["fine"] * 300 + [text], 300), (text, None)):
            with pytest.raises(errors.InvalidInputError, match="replace_surrogates=True") as caught:
                face.embed(texts)
            assert caught.value.index == index
            with pytest.raises(errors.InvalidInputError):
                face.client.plan(texts)
        face.service.oracle.assert_requests(0)
        face.service.oracle.check_one(replaced, face.embed(text, replace_surrogates=True))
        assert face.client.plan([text], replace_surrogates=True) == face.client.plan([replaced])


def test_E02_E04_empty_blank_and_odd_texts_arrive_byte_for_byte_and_keep_their_places():
    service, result = embed(OK, ODD)
    assert [item["text"] for item in json.loads(service.bodies[0])["inputs"]] == ODD
    assert not any(byte < 0x20 for byte in service.bodies[0])
    service.oracle.check(ODD, result.vectors)


def test_E05_ten_megabytes_of_text_are_refused_here_and_sent_if_there_is_room():
    text = "ä" * 5_000_000
    any_size = Fault("any_size", lambda ex: ex.reply(200, ex.good_body()))
    with AsyncFace(Service(any_size)) as face:
        with pytest.raises(errors.InvalidInputError, match="max_batch_bytes") as caught:
            face.embed(["a", text])
        assert caught.value.index == 1
        face.service.oracle.assert_requests(0)
        face.service.oracle.check_one(text, face.embed(text, max_batch_bytes=11_000_000))


REPEATED = ["b", "a", "b", "c", "a", "b"]


@pytest.mark.parametrize("batch_size", [1, 2, 128])
def test_E07_each_duplicate_is_sent_unless_dedupe_sends_one_for_every_place(batch_size):
    seen = []
    call = {"dedupe": True, "on_progress": lambda *done: seen.append(done)}
    service, result = embed(OK, REPEATED, batch_size=batch_size, call=call)
    service.oracle.check(REPEATED, result.vectors)
    assert set(service.oracle.times_received().values()) == {1}
    assert (result.vectors.flags.c_contiguous, len(result), seen[-1]) == (True, 6, (3, 3))
    service, result = embed(OK, REPEATED, dedupe=True, batch_size=batch_size, call={"dedupe": False})
    service.oracle.check(REPEATED, result.vectors)
    assert service.oracle.times_received()[text_id("b")] == 3


def test_a_known_model_brings_its_provider_and_another_keeps_the_clients():
    client = merged(defaults(CALL), {"model": "text-embedding-ada-002"}, CALL)
    assert client["service_provider"] == "SERVICE_PROVIDER_OPENAI"
    for model, provider in {"text-embedding-3-small": "OPENAI", "BAAI/bge-large-en-v1.5": "INWORLD"}.items():
        assert merged(client, {"model": model}, CALL)["service_provider"] == f"SERVICE_PROVIDER_{provider}"


KNOWN = "BAAI/bge-large-en-v1.5"
COUNTED = [({}, "new"), ({"extra_body": {"a": 1}}, KNOWN), ({"base_url": "http://127.0.0.1:9"}, KNOWN)]


@pytest.mark.parametrize("kind", [SyncFace, AsyncFace])
def test_a_dimension_is_the_public_one_of_the_service_or_counted(kind):
    with kind(Service()) as face:
        assert [face.wait(face.client.dimension(model)) for model in (None, KNOWN)] == [768, 1024]
        assert not face.service.requests
    for settings, model in COUNTED:
        with kind(Service(dim=5), **settings) as face:
            assert face.wait(face.client.dimension(model)) == 5
            assert len(face.service.requests) == 1


CREDENTIALS = [
    {"api_key": KEY},
    {"api_key": None, "key": "planted-key", "secret": "planted-secret"},
    {"api_key": lambda: KEY},
    {"api_key": asynchronous_key},
    {"api_key": None, "auth": BasicAuth(KEY)},
    {"api_key": None, "auth": ProviderAuth(lambda: KEY)},
]


@pytest.mark.parametrize("way", CREDENTIALS)
def test_credentials_of_every_kind_reach_the_wire_on_every_attempt(way):
    asked = []
    if callable(given := way["api_key"]):
        way = {"api_key": lambda: asked.append(1) or given()}
    service, _ = embed("status=503, ok", "x", **way)
    for request in service.requests:
        assert request.authorized
        assert request.head.get("user-agent").startswith("inworld-embeddings/")
        assert (request.head.get("host"), request.head.target) == ("api.inworld.ai", EMBED_PATH)
    assert len(asked) == (2 if callable(given) else 0), "a provider is asked on every attempt"


def test_every_request_takes_path_headers_and_model_from_the_generated_endpoint(monkeypatch):
    generated = inworld_embeddings_client.embed.request_kwargs

    def marked(**arguments):
        made = generated(**arguments)
        return made | {"params": {"generated": "yes"}, "headers": made["headers"] | {"x-generated": "yes"}}

    monkeypatch.setattr(inworld_embeddings_client.embed, "request_kwargs", marked)
    _api.envelope.cache_clear()
    try:
        service, _ = embed("status=503, ok", ["a", "b"], batch_size=1)
    finally:
        _api.envelope.cache_clear()
    assert len(service.requests) == 3
    for request in service.requests:
        assert request.head.target == f"{EMBED_PATH}?generated=yes"
        assert request.head.get("x-generated") == "yes"


ONE_BY_ONE = {"batch_size": 1, "max_retries": 0}
SLOW_DOWN = lambda request: "status=429" if "bad" in request.texts else OK  # noqa: E731


def test_what_succeeded_is_kept_when_some_fail_and_a_failed_row_raises():
    texts = ["a", "bb", "bad", "dddd"]
    with pytest.raises(errors.PartialFailureError, match=r"1 of 4. .* inputs\[2\]") as caught:
        embed(SLOW_DOWN, texts, **ONE_BY_ONE)
    _, returned = embed(SLOW_DOWN, texts, call={"on_error": "return"}, **ONE_BY_ONE)
    for result in (caught.value.result, returned):
        assert np.array_equal(result.vectors[:2], vectors_for(texts[:2]))
        assert np.isnan(result.vectors[2]).all()
        assert np.array_equal(result[3], vector_for("dddd"))
        (failure,) = result.failures
        assert (failure.index, type(failure.error), failure.retryable) == (2, errors.RateLimitError, True)
        for read in (lambda result=result: result[2], lambda result=result: list(result)):
            with pytest.raises(errors.RateLimitError):
                read()
    assert caught.value.failures == caught.value.result.failures


def test_a_user_httpx_client_carries_the_requests_and_stays_open():
    service = Service()
    http_client = httpx.AsyncClient(transport=service, headers={"x-team": "search"}, follow_redirects=True)
    with EmbeddingClient(api_key=KEY, http_client=http_client) as client:
        client.embed("x")
    assert not http_client.is_closed
    assert service.requests[0].authorized
    assert KEY not in repr(client) + repr(vars(client))


def test_extra_headers_go_with_each_request_and_are_redacted_where_the_service_echoes_them():
    service = Service(status(400, message="bad x-key planted-secret"))
    headers = {"X-Key": "planted-secret", "Accept": "a/b"}
    with EmbeddingClient(api_key=KEY, transport=service, extra_headers=headers) as client:
        assert "planted-secret" not in repr(client) + repr(vars(client))
        with pytest.raises(errors.BadRequestError, match=r"bad x-key \[redacted\]"):
            client.embed("x")
    (request,) = service.requests
    assert (request.head.get("x-key"), request.head.get("accept")) == ("planted-secret", "a/b")
