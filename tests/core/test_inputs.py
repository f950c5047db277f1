"""What may be sent, and what it costs on the wire."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings._core.encode import encode_inputs, encoded_size
from inworld_embeddings._core.inputs import checked_text, checked_texts
from inworld_embeddings.errors import InvalidInputError


@pytest.mark.parametrize("bad", ["a bare string", b"bytes", bytearray(b"x"), None, 7, {"a": 1}, {"a", "b"}])
def test_what_is_not_an_ordered_collection_is_refused(bad):
    with pytest.raises(InvalidInputError) as caught:
        checked_texts(bad)
    assert caught.value.index is None


@pytest.mark.parametrize("bad", [b"bytes", None, 1, ["nested"]])
def test_a_member_that_is_no_str_is_named_by_its_index(bad):
    with pytest.raises(InvalidInputError, match=r"inputs\[2\]") as caught:
        checked_texts(["a", "b", bad, "c"])
    assert caught.value.index == 2


@pytest.mark.parametrize("text", ["\ud800", "ok \udfff no", "\udc00\ud800"])
def test_E03_a_lone_surrogate_is_named_and_never_echoed(text):
    with pytest.raises(InvalidInputError, match=r"inputs\[1\]") as caught:
        checked_texts(["fine", text])
    assert caught.value.index == 1
    str(caught.value).encode()


def test_generators_and_tuples_are_taken():
    assert checked_texts(text for text in "ab") == checked_texts(("a", "b")) == ["a", "b"]


def test_a_str_alone_is_checked_without_an_index():
    assert checked_text("a") == "a"
    with pytest.raises(InvalidInputError) as caught:
        checked_text("\ud800")
    assert caught.value.index is None


@given(st.text(st.characters(exclude_categories=("Cs",))))
def test_encoded_size_is_the_size_on_the_wire(text):
    wire = json.dumps({"text": text}, ensure_ascii=False, separators=(",", ":"), allow_nan=False).encode()
    assert encoded_size(text) == len(wire)


@given(st.lists(st.text(st.characters(exclude_categories=("Cs",))), max_size=5))
def test_inputs_are_encoded_as_the_generated_client_would(texts):
    wire = json.dumps([{"text": text} for text in texts], ensure_ascii=False, separators=(",", ":")).encode()
    assert len(encode_inputs(texts)) == len(wire) - 2
    assert json.loads(b"[" + encode_inputs(texts) + b"]") == json.loads(wire)


@pytest.mark.parametrize("text", ["plain", "na\u00efve"])
def test_a_subclass_of_str_is_sent_as_the_str_it_is(text):
    np = pytest.importorskip("numpy")
    checked = [checked_text(np.str_(text)), *checked_texts(np.array([text]))]
    assert checked == [text, text]
    assert {type(item) for item in checked} == {str}
