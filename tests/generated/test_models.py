"""The models: tolerant enums, one UNSET, and JSON that comes back as it went in. Other types: tests/evolution."""

import copy
import pickle

import pytest

from inworld_embeddings_client import UNSET, EmbedRequest, EmbedResponse, ModelId, ServiceProvider, Status

NEW = "SERVICE_PROVIDER_NEW"
MODEL = {"model": "m", "serviceProvider": NEW}
COPIES = [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]


def test_an_unknown_enum_value_is_kept_usable_and_travels_back():
    model = ModelId.from_dict(MODEL)
    unknown = model.service_provider
    assert isinstance(unknown, ServiceProvider)
    assert model.to_dict() == MODEL
    assert unknown == str(unknown) == f"{unknown}" == unknown.value == NEW
    assert {unknown: 1}[ServiceProvider(NEW)] == 1
    assert unknown not in [*ServiceProvider, *ServiceProvider._value2member_map_]
    for duplicate in COPIES:
        assert (type(duplicate(unknown)), duplicate(unknown)) == (ServiceProvider, NEW)


def test_what_is_no_string_is_no_enum_value_and_a_known_one_is_its_member():
    assert ServiceProvider("SERVICE_PROVIDER_OPENAI") is ServiceProvider.SERVICE_PROVIDER_OPENAI
    assert type(ModelId(model="m", service_provider=NEW).to_dict()["serviceProvider"]) is str
    with pytest.raises(ValueError, match="is not a valid ServiceProvider"):
        ServiceProvider(1)
    with pytest.raises(TypeError, match="positional"):
        ModelId("m", ServiceProvider("S"))


def test_there_is_one_unset():
    assert (bool(UNSET), repr(UNSET)) == (False, "UNSET")
    for duplicate in COPIES:
        assert duplicate(UNSET) is type(UNSET)() is UNSET
        assert duplicate(Status(code=1)).message is UNSET
        assert duplicate(Status(code=1)).to_dict() == {"code": 1}


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (EmbedRequest, {"inputs": [{"text": "a"}], "model": MODEL, "later": 1}),
        (EmbedResponse, {"embeddings": [{"values": [1.5], "index": 3}], "usage": {"tokens": 2}}),
        (Status, {"code": 3, "message": "m", "details": [{"@type": "t", "a": [1]}]}),
        (Status, {}),
    ],
)
def test_models_round_trip_with_fields_they_do_not_know(model, data):
    assert model.from_dict(data).to_dict() == data


def test_protobufs_json_is_read_in_all_its_forms():
    values = (
        EmbedResponse.from_dict({"embeddings": [{"values": [0, 1e-7, "NaN", "-Infinity"]}]})
        .embeddings[0]
        .values
    )
    assert repr(values) == "[0.0, 1e-07, nan, -inf]"
    assert EmbedResponse.from_dict({"embeddings": None}).embeddings == []
    for code in (7.0, "7"):
        read = Status.from_dict({"code": code, "message": None, "details": None})
        assert (type(read.code), read) == (int, Status(code=7, details=[]))


def embedded(*values):
    return EmbedResponse, {"embeddings": [{"values": []}, {"values": [0, *values]}]}


WRONG = {
    "expected a JSON object, got list": [(EmbedResponse, [])],
    "serviceProvider: expected str, got NoneType": [(ModelId, MODEL | {"serviceProvider": None})],
    "model: expected str, got int": [(ModelId, MODEL | {"model": 1})],
    "code: expected int, got": [(Status, {"code": code}) for code in ("1_0", 1.5, float("inf"), True)],
    "embeddings: expected list, got": [(EmbedResponse, {"embeddings": value}) for value in ("ab", {})],
    r"embeddings: \[0\]: expected a JSON object": [(EmbedResponse, {"embeddings": [None]})],
    r"embeddings: \[1\]: values: \[1\]: ": [embedded(value) for value in ("0.5", None, True, 10**400)],
    r"embeddings: \[1\]: values: \[2\]: expected float, got str": [embedded(1.5, "x")],
}


@pytest.mark.parametrize("told", WRONG)
def test_what_only_resembles_a_value_is_refused_by_its_place(told):
    for model, data in WRONG[told]:
        with pytest.raises(TypeError, match=f"^{told}"):
            model.from_dict(data)
