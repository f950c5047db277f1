"""The clients: what goes in (rows E, I08), what comes out, and what each request is made of. test_parity.py covers the other face."""

import json
from unittest import mock

import httpx
import numpy as np
import polars as pl
import pytest

import inworld_embeddings_client
from inworld_embeddings import BasicAuth, EmbeddingClient, EmbeddingResult, ProviderAuth, errors
from inworld_embeddings.options import CALL, defaults, merged
from support.fault import JSON, OK, response, sends, status
from support.in_process import KEY, AsyncFace, Service, SyncFace, embed
from support.oracle import EMBED_PATH
from support.vectors import vectors_for


def good(*headers):
    return sends("good", lambda ex: response(200, ex.good_body(), [JSON, *headers]))


def test_a_sequence_gives_a_result_in_input_order():
    texts = ["x" * n for n in range(1, 100)]
    service, result = embed(good(("x-inworld-request-id", "ab" * 16)), texts, batch_size=7)
    assert isinstance(result, EmbeddingResult)
    service.oracle.check(texts, result.vectors)
    assert result.vectors.flags.c_contiguous
    assert result.stats[:3] == (15, 15, 0), "requests, attempts, retries"
    assert set(result.stats.request_ids) == {"ab" * 16}
    assert (result.engine, result.failures, result.dimension) == (None, (), 8)


@pytest.mark.parametrize("empty", [[], iter(())])
def test_E01_no_texts_give_no_rows_and_no_request(empty):
    service, result = embed(OK, empty)
    assert (result.shape, result.vectors.dtype, result.failures) == ((0, 768), np.float32, ())
    service.oracle.assert_requests(0)


@pytest.mark.parametrize(("text", "replaced"), [("a\ud800b", "a\ufffdb"), ("\ud83d\ude00", "\ufffd\ufffd")])
def test_E03_a_surrogate_is_refused_before_any_request_or_replaced_where_asked(text, replaced):
    with AsyncFace(Service()) as face:
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
    texts = ["a", "", " \n\t", "b", "", "\0", "\x1f", "a\u2028b\u2029c", "\ufeffbom", '\\ " / \b\f\n\r\t']
    texts += ["\x7f\x85", "\U0001f469\u200d\U0001f52c", "\uffff"]
    service, result = embed(OK, texts)
    assert [item["text"] for item in json.loads(service.bodies[0])["inputs"]] == texts
    assert not any(byte < 0x20 for byte in service.bodies[0])
    service.oracle.check(texts, result.vectors)


def test_E05_ten_megabytes_of_text_are_refused_here_and_sent_if_there_is_room():
    text = "ä" * 5_000_000
    with AsyncFace(Service(good())) as face:
        with pytest.raises(errors.InvalidInputError, match="max_batch_bytes") as caught:
            face.embed(["a", text])
        assert caught.value.index == 1
        face.service.oracle.assert_requests(0)
        face.service.oracle.check_one(text, face.embed(text, max_batch_bytes=11_000_000))


@pytest.mark.parametrize("batch_size", [1, 2, 128])
def test_E07_each_duplicate_is_sent_unless_dedupe_sends_one_for_every_place(batch_size):
    texts, seen = ["b", "a", "b", "c", "a", "b"], []
    call = {"dedupe": True, "on_progress": lambda *done: seen.append(done)}
    service, result = embed(OK, texts, batch_size=batch_size, call=call)
    service.oracle.check(texts, result.vectors)
    assert set(service.oracle.times_received().values()) == {1}
    assert (result.vectors.flags.c_contiguous, seen[-1]) == (True, (3, 3))
    service, result = embed(OK, texts, dedupe=True, batch_size=batch_size, call={"dedupe": False})
    service.oracle.check(texts, result.vectors)
    assert service.oracle.times_received()["b"] == 3


NO_TEXTS = {
    "a table": (pl.DataFrame({"text": []}), r"one column of the DataFrame, such as df\['text'\]"),
    "a dict": ({"a": 1}, "a list instead of a dict"),
    "a set": ({"a"}, "a list instead of a set"),
    "bytes": (b"a", "not bytes"),
    "a scalar array": (np.array("a"), "not ndarray"),
    "None": (None, "not NoneType"),
    "a list with None": (["a", None], r"inputs\[1\] is None: missing value at index 1"),
    "an array with NaN": (np.array(["a", np.nan], dtype=object), "is nan: missing value at index 1"),
    "numbers": (["a", 1.5], r"inputs\[1\] must be a str, not float"),
}


@pytest.mark.parametrize(("texts", "says"), NO_TEXTS.values(), ids=NO_TEXTS)
def test_I08_what_are_no_texts_in_order_is_refused_everywhere(texts, says):
    with AsyncFace(Service(), batch_size=8) as face:
        for use in (face.embed, face.client.plan):
            with pytest.raises(errors.InvalidInputError, match=says):
                use(texts)
        face.service.oracle.assert_requests(0)
        with pytest.raises(errors.InvalidInputError, match=says):
            raise face.rows(texts)[1]  # a stream does first what came before


def test_I08_numpys_scalars_are_what_they_hold():
    options = {"model": np.str_("a-model"), "timeout": np.float32(30), "max_retries": np.array(1)}
    with AsyncFace(Service()) as face:
        texts = np.array(["a", "b", "c"])
        result = face.embed(texts, batch_size=np.int64(2), dedupe=np.bool_(False), **options)
        assert (result.model, type(result.model)) == ("a-model", str)
        assert sorted(len(request.texts) for request in face.service.requests) == [1, 2]
        for wrong in (np.array([2, 3]), np.float64(2.5)):
            with pytest.raises(errors.ConfigurationError, match="batch_size must be a whole number"):
                face.embed(["a"], batch_size=wrong)


def test_a_known_model_brings_its_provider_and_another_keeps_the_clients():
    client = merged(defaults(CALL), {"model": "text-embedding-ada-002"}, CALL)
    assert client["service_provider"] == "SERVICE_PROVIDER_OPENAI"
    for model, provider in {"text-embedding-3-small": "OPENAI", "BAAI/bge-large-en-v1.5": "INWORLD"}.items():
        assert merged(client, {"model": model}, CALL)["service_provider"] == f"SERVICE_PROVIDER_{provider}"


UNKNOWN = [{"model": "new"}, {"extra_body": {"a": 1}}, {"base_url": "http://127.0.0.1:9"}]


@pytest.mark.parametrize(("settings", "dimension"), [({}, 1024), *((one, 5) for one in UNKNOWN)])
@pytest.mark.parametrize("kind", [SyncFace, AsyncFace])
def test_a_dimension_is_the_public_one_of_the_service_or_counted(kind, settings, dimension):
    with kind(Service(dim=5), **({"model": "BAAI/bge-large-en-v1.5"} | settings)) as face:
        assert face.wait(face.client.dimension()) == dimension
        assert len(face.service.requests) == (dimension == 5)


WAYS = [{"api_key": KEY}, {"key": "planted-key", "secret": "planted-secret"}, {"auth": BasicAuth(KEY)}]
WAYS += [{"api_key": mock.Mock(return_value=KEY)}, {"api_key": mock.AsyncMock(return_value=KEY)}]
WAYS += [{"auth": ProviderAuth(lambda: KEY)}]


@pytest.mark.parametrize("way", WAYS, ids=range(len(WAYS)))
def test_credentials_of_every_kind_reach_the_wire_on_every_attempt(way):
    service, _ = embed("status=503, ok", "x", **({"api_key": None} | way))
    for request in service.requests:
        assert request.authorized
        assert request.head.get("user-agent").startswith("inworld-embeddings/")
        assert (request.head.get("host"), request.target) == ("api.inworld.ai", EMBED_PATH)
    for provider in way.values():
        assert getattr(provider, "call_count", 2) == 2, "a provider is asked on every attempt"


def test_every_request_takes_path_headers_and_model_from_the_generated_endpoint(monkeypatch):
    generated = inworld_embeddings_client.embed.request_kwargs

    def marked(**given):
        made = generated(**given)
        return made | {"params": {"generated": "yes"}, "headers": made["headers"] | {"x-generated": "yes"}}

    monkeypatch.setattr(inworld_embeddings_client.embed, "request_kwargs", marked)
    service, _ = embed("status=503, ok", ["a", "b"], batch_size=1, model="of this test alone: it is cached")
    sent = [(request.target, request.head.get("x-generated")) for request in service.requests]
    assert sent == [(f"{EMBED_PATH}?generated=yes", "yes")] * 3


def test_what_succeeded_is_kept_when_some_fail_and_a_failed_row_raises():
    with pytest.raises(errors.PartialFailureError, match=r"1 of 4. .* inputs\[2\]") as caught:
        embed('poison="^c$";silent', list("abcd"))
    result, (failed,) = caught.value.result, caught.value.failures
    assert np.array_equal(result.vectors[[0, 1, 3]], vectors_for("abd"))
    assert (failed.index, type(failed.error), failed.retryable) == (2, errors.BadRequestError, False)
    assert (failed,) == result.failures
    with pytest.raises(errors.BadRequestError):
        list(result)


def test_a_user_httpx_client_carries_the_requests_and_stays_open():
    service = Service()
    http_client = httpx.AsyncClient(transport=service)
    with EmbeddingClient(api_key=KEY, http_client=http_client) as client:
        service.oracle.check_one("x", client.embed("x"))
    assert not http_client.is_closed
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
