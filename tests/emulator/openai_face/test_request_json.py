"""What `/v1/embeddings` takes and refuses."""

import json

import pytest

from inworld_embeddings_emulator.openai_face.errors import OpenAIError
from inworld_embeddings_emulator.openai_face.request_json import EmbeddingsRequest, parse


def body(**fields):
    return json.dumps({"model": "m", "input": "a", **fields}).encode()


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ({}, EmbeddingsRequest(("a",), "m", base64=False, dimensions=None)),
        ({"input": ["a", "", "b"][::2]}, EmbeddingsRequest(("a", "b"), "m", base64=False, dimensions=None)),
        ({"input": " "}, EmbeddingsRequest((" ",), "m", base64=False, dimensions=None)),
        ({"model": "org/model"}, EmbeddingsRequest(("a",), "org/model", base64=False, dimensions=None)),
        ({"encoding_format": "float"}, EmbeddingsRequest(("a",), "m", base64=False, dimensions=None)),
        ({"encoding_format": "base64"}, EmbeddingsRequest(("a",), "m", base64=True, dimensions=None)),
        ({"encoding_format": None}, EmbeddingsRequest(("a",), "m", base64=False, dimensions=None)),
        ({"dimensions": 3}, EmbeddingsRequest(("a",), "m", base64=False, dimensions=3)),
        ({"dimensions": None}, EmbeddingsRequest(("a",), "m", base64=False, dimensions=None)),
        ({"user": "u", "more": [1]}, EmbeddingsRequest(("a",), "m", base64=False, dimensions=None)),
    ],
)
def test_taken(fields, expected):
    assert parse(body(**fields)) == expected


def test_as_many_inputs_as_openai_takes():
    assert len(parse(body(input=["a"] * 2048)).texts) == 2048


@pytest.mark.parametrize(
    ("sent", "param", "says"),
    [
        (b"", None, "JSON"),
        (b"planted-text", None, "JSON"),
        (b'{"model":"m","input":"a"} {}', None, "JSON"),
        (b'{"model":"m","input":"\xff"}', None, "JSON"),
        (b'{"model":"m","input":"\\ud800"}', None, "JSON"),
        (b"[" * 100_000, None, "JSON"),
        (b"[]", None, "object"),
        (b'"planted-text"', None, "object"),
        (body(model=None), "model", "name of a model"),
        (body(model=""), "model", "name of a model"),
        (body(model=" "), "model", "name of a model"),
        (body(model="a\nb"), "model", "name of a model"),
        (body(model=1), "model", "name of a model"),
        (b'{"input":"a"}', "model", "name of a model"),
        (b'{"model":"m"}', "input", "string or a list"),
        (body(input=None), "input", "string or a list"),
        (body(input=""), "input", "not empty"),
        (body(input=[]), "input", "not empty"),
        (body(input={"text": "planted-text"}), "input", "string or a list"),
        (body(input=7), "input", "string or a list"),
        (body(input=["planted-text", ""]), "input", r"input\[1\]"),
        (body(input=["planted-text", None]), "input", r"input\[1\]"),
        (body(input=["planted-text", 1]), "input", r"input\[1\]"),
        (body(input=[True]), "input", r"input\[0\]"),
        (body(input=[1, 2]), "input", "check_embedding_ctx_length=False"),
        (body(input=[[1, 2], [3]]), "input", "check_embedding_ctx_length=False"),
        (body(input=["a"] * 2049), "input", "2048 strings at most, not 2049"),
        (body(encoding_format="float16"), "encoding_format", "'float' or 'base64'"),
        (body(encoding_format=[1]), "encoding_format", "'float' or 'base64'"),
        (body(dimensions=0), "dimensions", "1 or more"),
        (body(dimensions="3"), "dimensions", "1 or more"),
        (body(dimensions=True), "dimensions", "1 or more"),
        (body(dimensions=2.5), "dimensions", "1 or more"),
    ],
    ids=lambda value: repr(value[:30]) if isinstance(value, bytes) else None,
)
def test_refused_without_echoing_a_value(sent, param, says):
    with pytest.raises(OpenAIError, match=says) as caught:
        parse(sent)
    assert (caught.value.status, caught.value.param) == (400, param)
    assert "planted" not in str(caught.value)
