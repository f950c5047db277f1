"""Options: what `extra_body` may hold, and that a request's fields have one canonical form."""

import json

import pytest

from inworld_embeddings import ConfigurationError, EmbeddingClient
from inworld_embeddings.options import CALL, EMBED, defaults, merged
from support.fault import OK
from support.in_process import KEY, AsyncFace, Service, embed

HOLDS_ITSELF = {}
HOLDS_ITSELF["again"] = [HOLDS_ITSELF]
EXTRA = {"dimensions": 256, "deep": {"inputs": [{"text": '\u00e9 \\ " \u2028'}], "off": None}, "huge": 2**70}

WRONG = {
    "a list": ([("a", 1)], "extra_body must be a dict of request fields, not list"),
    "the texts": ({"inputs": []}, r"\['inputs'\] would overwrite .* use the texts"),
    "the model": ({"model": {}}, r"\['model'\] would overwrite .* use model="),
    "the provider as the spec has it": ({"serviceProvider": "X"}, "use service_provider="),
    "NaN": ({"a": [0, float("nan")]}, r"extra_body\['a'\]\[1\] is not finite"),
    "more than a double holds": ({"a": 10**5000}, "is not finite"),
    "bytes": ({"a": {"b": b"c"}}, r"extra_body\['a'\]\['b'\] is of type bytes"),
    "a set": ({"a": {1}}, "is of type set"),
    "a name that is none": ({"a": {1: 2}}, r"extra_body\['a'\] has the key 1"),
    "a surrogate": ({"a": "\ud800"}, r"extra_body\['a'\] has a lone surrogate"),
    "itself": (HOLDS_ITSELF, "nested too deep, or holds itself"),
}


@pytest.mark.parametrize(("extra", "told"), WRONG.values(), ids=WRONG)
def test_what_is_no_json_or_a_field_of_ours_is_refused_by_place(extra, told):
    with pytest.raises(ConfigurationError, match=told):
        EmbeddingClient(api_key=KEY, extra_body=extra)
    with AsyncFace(Service()) as face:
        with pytest.raises(ConfigurationError, match=told):
            face.embed("a", extra_body=extra)
        face.service.oracle.assert_requests(0)


OF_CALLS = [
    *(("batch_size", 1.5), ("max_retries", -1), ("timeout", float("nan")), ("timeout", True)),
    *(("max_batch_bytes", 0), ("max_concurrency", 0), ("model", ""), ("service_provider", "OPENAI")),
    *(("on_error", "ignore"), ("hedge", "yes"), ("cache", 1), ("cache", b"path"), ("cache", "")),
]


@pytest.mark.parametrize(
    ("given", "told"),
    [
        ({"batch_size": 0}, "^batch_size must be a whole number, 1 or more; it is 0.$"),
        ({"timeout": "planted-key"}, "None for no limit; it is of type str.$"),
        *(({option: value}, option) for option, value in OF_CALLS),
        ({"compression": "br"}, "compression must be 'gzip' or None"),
        ({"verify": None}, "verify must be the path of a file or folder"),
        ({"extra_headers": [("a", "b")]}, "extra_headers must be a dict"),
        ({"extra_headers": {"a b": "c"}}, "'a b', which cannot be a header's"),
        ({"extra_headers": {"AUTHORIZATION": "c"}}, "use api_key= or auth="),
        ({"extra_headers": {"Host": "c"}}, "use base_url="),
        ({"extra_headers": {"A": "planted-secret\n"}}, r"\['A'\] must be .* printable ASCII"),
    ],
    ids=str,
)
def test_what_cannot_be_an_option_is_told_before_anything_is_sent(given, told):
    (option,) = given
    if option != "on_error":
        with pytest.raises(ConfigurationError, match=told):
            EmbeddingClient(api_key=KEY, **given)
    if option in EMBED:
        with AsyncFace(Service()) as face:
            with pytest.raises(ConfigurationError, match=told):
                face.embed("x", **given)
            face.service.oracle.assert_requests(0)


@pytest.mark.parametrize("where", ["call", "client"])
def test_it_is_sent_as_it_is_beside_our_fields_and_planned(where):
    of_client, of_call = ({"extra_body": EXTRA}, {}) if where == "client" else ({}, {"extra_body": EXTRA})
    plain, _ = embed(OK, ["a", "b", "c"], batch_size=2)
    service = Service("status=503, ok")
    with AsyncFace(service, batch_size=2, **of_client) as face:
        result = face.embed(["a", "b", "c"], **of_call)
        planned = face.client.plan(["a", "b", "c"], **of_call)
    bodies = list(map(json.loads, service.bodies))
    assert len(bodies) == 3
    for body in bodies:
        assert {name: body.pop(name) for name in EXTRA} == EXTRA
    assert all(body in bodies for body in map(json.loads, plain.bodies))
    assert (planned.requests, planned.bytes) == (2, result.stats.bytes_sent - len(service.bodies[0]))


def test_its_bytes_are_room_that_texts_do_not_have():
    extra, texts = {"pad": "\u00e9" * 400}, ["x" * 100] * 20
    service, _ = embed(OK, texts, max_batch_bytes=2000, extra_body=extra)
    assert max(map(len, service.bodies)) <= 2000
    assert len(service.bodies) > len(embed(OK, texts, max_batch_bytes=2000)[0].bodies)


def test_equal_fields_are_equal_requests_and_a_later_change_of_the_dict_is_none():
    given = {"b": [1, (2.5, "x")], "a": {"d": 1, "c": None}}
    of_client = merged(defaults(CALL), {"extra_body": given}, CALL)
    again = merged(defaults(CALL), {"extra_body": {"a": {"c": None, "d": 1}, "b": [1, [2.5, "x"]]}}, CALL)
    given["b"] = float("nan")
    assert of_client["request"] == again["request"] == merged(of_client, {"timeout": 1.0}, CALL)["request"]
    others = [{"extra_body": {"a": 1}}, {"extra_body": None}, {"model": "text-embedding-ada-002"}]
    requests = [merged(of_client, other, CALL)["request"] for other in others]
    assert len({of_client["request"], *requests}) == 4
    assert requests[1] == merged(of_client, {"extra_body": {}}, CALL)["request"]


def test_the_emulator_ignores_it_as_the_service_does():
    with EmbeddingClient.local() as client:
        assert (client.embed("a", extra_body=EXTRA) == client.embed("a")).all()
