import json
import pickle
import re

import pytest

from inworld_embeddings_emulator import Emulator
from inworld_embeddings_emulator.handle import MAX_BODY_BYTES

TWO = {
    "inputs": [{"text": "a"}, {"text": "bcd"}],
    "model": {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"},
}


def test_one_vector_for_each_text_in_order(emulator, request_of):
    reply = emulator.handle(request_of(TWO))
    assert reply.status == 200
    assert reply.body == b'{"embeddings":[{"values":[1,0,-0.5]},{"values":[3,6e-7,-0.5]}]}'


def test_headers_name_the_engine_and_the_request(emulator, request_of):
    headers = dict(emulator.handle(request_of(TWO)).headers)
    assert headers["content-type"] == "application/json"
    assert headers["x-inworld-emulator-engine"] == "tiny"
    assert re.fullmatch("[0-9a-f]{32}", headers["x-inworld-request-id"])


def test_the_same_request_has_the_same_reply_and_another_another_id(emulator, request_of):
    first, again, other = (emulator.handle(request_of(content)) for content in (TWO, TWO, {}))
    assert first == again
    assert dict(first.headers)["x-inworld-request-id"] != dict(other.headers)["x-inworld-request-id"]


@pytest.mark.parametrize(
    "content", [b"", b" \n", b"{}", b'{"inputs":null}', b'{"inputs":[]}', b'{"model":{"model":"m"}}']
)
def test_no_inputs_are_no_vectors(emulator, request_of, content):
    reply = emulator.handle(request_of(content))
    assert (reply.status, reply.body) == (200, b'{"embeddings":[]}')


@pytest.mark.parametrize(
    ("parts", "status", "code", "message"),
    [
        ({"path": "/ml/v1alpha/embedding:embed/"}, 404, 5, "Not Found"),
        ({"path": "/ml/v1alpha/embed"}, 404, 5, "Not Found"),
        ({"path": "//ml/v1alpha/embedding:embed"}, 404, 5, "Not Found"),
        ({"path": "/", "key": None}, 404, 5, "Not Found"),
        ({"method": "GET"}, 501, 12, "Method Not Allowed"),
        ({"method": "post"}, 501, 12, "Method Not Allowed"),
        ({"method": "PUT", "key": None}, 501, 12, "Method Not Allowed"),
        ({"method": "GET", "path": "/nothing"}, 404, 5, "Not Found"),
    ],
)
def test_routes(ask, parts, status, code, message):
    assert ask(TWO, **parts) == (status, {"code": code, "message": message, "details": []})


def test_a_query_changes_nothing(ask):
    assert ask(TWO, path="/ml/v1alpha/embedding:embed?alt=json")[0] == 200


def test_the_key_is_judged_before_the_body(ask):
    assert ask(b"not json", key=None)[0] == 401


def test_head_has_no_body(emulator, request_of):
    reply = emulator.handle(request_of(method="HEAD"))
    assert (reply.status, reply.body) == (501, b"")


def test_a_message_over_four_mebibytes_is_refused_as_grpc_does(ask):
    at_limit = 4 * 1024 * 1024 - 10  # two tags and two four-byte lengths
    assert ask({"inputs": [{"text": "x" * at_limit}]})[0] == 200
    status, body = ask({"inputs": [{"text": "x" * (at_limit + 1)}]})
    assert (status, body["code"]) == (429, 8)
    assert body["message"] == "grpc: received message larger than max (4194305 vs. 4194304)"


def test_escapes_do_not_count_but_characters_do(ask):
    assert ask({"inputs": [{"text": "\x01" * 1_000_000}]})[0] == 200  # 6 MB of JSON, 1 MB of text
    assert ask({"inputs": [{"text": "é" * 2_200_000}]})[0] == 429


@pytest.mark.parametrize(("count", "status"), [(1362, 200), (1363, 429)])
def test_a_response_over_four_mebibytes_is_refused_before_the_engine_works(request_of, count, status):
    class Wide:
        name, dimension = "wide", 768

        def embed(self, texts):
            assert len(texts) == 1362
            return [[0.25] * 768] * len(texts)

    reply = Emulator(Wide()).handle(request_of({"inputs": [{"text": "x"}] * count}))
    assert reply.status == status
    if status == 429:
        assert json.loads(reply.body)["message"].startswith("grpc: received message larger than max (419")


def test_a_body_no_proxy_would_pass_is_413_in_plain_text(emulator, request_of):
    reply = emulator.handle(request_of(b" " * (MAX_BODY_BYTES + 1)))
    assert (reply.status, reply.headers) == (413, (("content-type", "text/plain"),))


@pytest.mark.parametrize(
    "vectors",
    [[], [[1.0, 2.0]], [[1.0, 2.0, 3.0]] * 2, [[1.0, 2.0, float("nan")]], [[1.0, float("inf"), 2.0]], None],
)
def test_an_engine_that_breaks_its_contract_is_an_internal_error(engine, ask, vectors):
    engine.embed = lambda texts: vectors
    status, body = ask({"inputs": [{"text": "private"}]})
    assert (status, body["code"], body["details"]) == (500, 13, [])


def test_an_engine_error_is_told_by_its_type_alone(engine, ask):
    def fail(texts):
        raise LookupError(f"no vector for {texts[0]}")

    engine.embed = fail
    status, body = ask({"inputs": [{"text": "private"}]})
    assert (status, body["message"]) == (500, "the engine tiny failed: LookupError")


def test_an_emulator_neither_shows_nor_pickles_its_key(engine):
    emulator = Emulator(engine, api_key="mykey:mysecret")
    assert "my" not in repr(emulator)
    with pytest.raises(TypeError):
        pickle.dumps(emulator)
