"""Options: what they may be and where they are told; what `extra_body` holds, and its one canonical form."""

import inspect
import json
import typing

import pytest

import inworld_embeddings
import inworld_embeddings_emulator as emulator
from inworld_embeddings import AsyncEmbeddingClient, ConfigurationError, EmbeddingClient, jobs, testing
from inworld_embeddings.options import CALL, CLIENT, EMBED, defaults, merged
from inworld_embeddings_emulator import engines
from support.in_process import KEY, AsyncFace, Service, embed

HOLDS_ITSELF = {}
HOLDS_ITSELF["again"] = [HOLDS_ITSELF]
EXTRA = {"dimensions": 256, "deep": {"inputs": [{"text": '\u00e9 \\ " \u2028'}], "off": None}, "huge": 2**70}

WRONG = [
    ("extra_body", [("a", 1)], "extra_body must be a dict of request fields, not list"),
    ("extra_body", {"inputs": []}, r"\['inputs'\] would overwrite .* use the texts"),
    ("extra_body", {"serviceProvider": "X"}, "use service_provider="),
    ("extra_body", {"a": [0, float("nan")]}, r"extra_body\['a'\]\[1\] is not finite"),
    ("extra_body", {"a": 10**5000}, "is not finite"),
    ("extra_body", {"a": {"b": b"c"}}, r"extra_body\['a'\]\['b'\] is of type bytes"),
    ("extra_body", {"a": {1: 2}}, r"extra_body\['a'\] has the key 1"),
    ("extra_body", {"a": "\ud800"}, r"extra_body\['a'\] has a lone surrogate"),
    ("extra_body", HOLDS_ITSELF, "nested too deep, or holds itself"),
    ("batch_size", 0, "^batch_size must be a whole number, 1 or more; it is 0.$"),
    ("timeout", "planted-key", "None for no limit; it is of type str.$"),
    *(("batch_size", 1.5, ""), ("max_retries", -1, ""), ("timeout", float("nan"), ""), ("timeout", True, "")),
    *(("max_batch_bytes", 0, ""), ("max_concurrency", 0, ""), ("model", "", ""), ("on_error", "ignore", "")),
    *(("service_provider", "OPENAI", ""), ("hedge", "yes", ""), ("cache", 1, ""), ("cache", "", "")),
    ("compression", "br", "compression must be 'gzip' or None"),
    ("verify", None, "verify must be the path of a file or folder"),
    ("extra_headers", [("a", "b")], "extra_headers must be a dict"),
    ("extra_headers", {"a b": "c"}, "'a b', which cannot be a header's"),
    ("extra_headers", {"AUTHORIZATION": "c"}, "use api_key= or auth="),
    ("extra_headers", {"A": "planted-secret\n"}, r"\['A'\] must be .* printable ASCII"),
]


@pytest.mark.parametrize(("option", "value", "told"), WRONG, ids=range(len(WRONG)))
def test_what_cannot_be_an_option_is_told_before_anything_is_sent(option, value, told):
    if option != "on_error":
        with pytest.raises(ConfigurationError, match=told or option):
            EmbeddingClient(api_key=KEY, **{option: value})
    if option in EMBED:
        with AsyncFace(Service()) as face:
            with pytest.raises(ConfigurationError, match=told or option):
                face.embed("x", **{option: value})
            face.service.oracle.assert_requests(0)


@pytest.mark.parametrize(("of_client", "of_call"), [({"extra_body": EXTRA}, {}), ({}, {"extra_body": EXTRA})])
def test_extra_fields_are_sent_as_they_are_beside_ours_and_planned(of_client, of_call):
    texts = ["a", "b", "c"]
    with AsyncFace(Service("status=503, ok"), batch_size=2, **of_client) as face:
        face.embed(texts, **of_call)
        planned = face.client.plan(texts, **of_call)
    assert len(face.service.bodies) == 3, "one twice"
    assert (planned.requests, planned.bytes) == (2, sum(set(map(len, face.service.bodies))))
    for body in map(json.loads, face.service.bodies):
        assert {name: body[name] for name in EXTRA} == EXTRA
        assert body.keys() == {"inputs", "model", *EXTRA}


def test_extra_fields_are_room_that_texts_do_not_have():
    texts, more = ["x" * 100] * 20, {"extra_body": {"pad": "\u00e9" * 400}}
    with_them, without = (embed("ok", texts, max_batch_bytes=2000, **extra)[0].bodies for extra in (more, {}))
    assert max(map(len, with_them)) <= 2000
    assert len(with_them) > len(without)


def test_equal_fields_are_equal_requests_and_a_later_change_of_the_dict_is_none():
    given = {"b": [1, (2.5, "x")], "a": {"d": 1, "c": None}}
    of_client = merged(defaults(CALL), {"extra_body": given}, CALL)
    again = merged(of_client, {"extra_body": {"a": {"c": None, "d": 1}, "b": [1, [2.5, "x"]]}}, CALL)
    given["b"] = float("nan")
    assert of_client["request"] == again["request"] == merged(of_client, {"timeout": 1.0}, CALL)["request"]


# Where they are told

MODULES = [inworld_embeddings, jobs, testing, emulator, engines]


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.__name__)
def test_type_hints_of_public_names_resolve(module):
    for value in (getattr(module, name) for name in module.__all__):
        members = vars(value) if inspect.isclass(value) else {}
        for name, one in {"": value, **members}.items():
            public = name[:1] != "_" or name[:2] == "__"
            if public and (inspect.isclass(one) or inspect.isfunction(one)):
                typing.get_type_hints(one, include_extras=True)


def test_the_docstring_lists_every_option_with_its_default():
    """Written out, not put together at run time: an editor shows what stands in the source."""
    told = " ".join(EmbeddingClient.__doc__.split())
    wanted = " ".join(f"{name}: {option.doc} Default: {option.default!r}." for name, option in CLIENT.items())
    assert f"Args: {wanted} Raises:" in told, f"write into its docstring:\n{wanted}"


@pytest.mark.parametrize("client", [EmbeddingClient, AsyncEmbeddingClient])
def test_what_is_misspelt_or_unnamed_is_told(client):
    with pytest.raises(TypeError, match=r"'timout'. Did you mean 'timeout'\?"):
        client(timout=3)
    with pytest.raises(TypeError, match=r"'batchsize'. Did you mean 'batch_size'\?"):
        client.local().embed_iter([], batchsize=3)
    with pytest.raises(TypeError, match=r"'fault'. Did you mean 'faults'\?"):
        client.local(fault="status=503")
    with pytest.raises(TypeError, match="unexpected keyword argument 'base_url'"):
        client.local(base_url="http://127.0.0.1", rate_limit=5.0)  # a rate limit is good there too
    with pytest.raises(TypeError, match=f"^{client.__name__} takes keywords only, such as api_key=.$"):
        client("a-key")
