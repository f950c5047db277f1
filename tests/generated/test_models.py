"""The models: tolerant enums, one UNSET, and JSON that comes back as it went in."""

import copy
import pickle

import pytest

from inworld_embeddings_client import (
    UNSET,
    EmbedRequest,
    EmbedResponse,
    ModelId,
    ServiceProvider,
    Status,
    Unset,
)

NEW = "SERVICE_PROVIDER_NEW"


# Row: unknown enum value, raw str in a request, enum order and description


def test_an_unknown_enum_value_is_kept_and_travels_back():
    model = ModelId.from_dict({"model": "m", "serviceProvider": NEW})
    assert isinstance(model.service_provider, ServiceProvider)
    assert model.service_provider == NEW
    assert model.to_dict() == {"model": "m", "serviceProvider": NEW}


def test_an_unknown_enum_value_is_usable():
    unknown = ServiceProvider(NEW)
    assert str(unknown) == f"{unknown}" == unknown.value == NEW
    assert {unknown: 1}[ServiceProvider(NEW)] == 1
    assert unknown not in list(ServiceProvider)
    assert unknown != ServiceProvider.SERVICE_PROVIDER_OPENAI


@pytest.mark.parametrize(
    "duplicate", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))]
)
def test_an_unknown_enum_value_survives_copies(duplicate):
    again = duplicate(ServiceProvider(NEW))
    assert isinstance(again, ServiceProvider)
    assert again == NEW


def test_unknown_enum_values_are_not_remembered():
    ServiceProvider(NEW)
    assert NEW not in ServiceProvider._value2member_map_


def test_a_known_enum_value_is_its_member():
    assert ServiceProvider("SERVICE_PROVIDER_OPENAI") is ServiceProvider.SERVICE_PROVIDER_OPENAI


@pytest.mark.parametrize("value", [None, 1, ["SERVICE_PROVIDER_OPENAI"]])
def test_what_is_no_string_is_no_enum_value(value):
    with pytest.raises(ValueError, match="is not a valid ServiceProvider"):
        ServiceProvider(value)


@pytest.mark.parametrize("value", ["SERVICE_PROVIDER_OPENAI", NEW])
def test_a_raw_string_is_accepted_in_a_request(value):
    sent = ModelId(model="m", service_provider=value).to_dict()["serviceProvider"]
    assert sent == value
    assert type(sent) is str


def test_enum_members_are_in_the_specs_order():
    names = [f"SERVICE_PROVIDER_{name}" for name in ("UNSPECIFIED", "INWORLD", "OPENAI")]
    assert [member.value for member in ServiceProvider] == names


def test_enum_has_the_specs_description():
    assert (ServiceProvider.__doc__ or "").startswith("Service provider hosting model and handling requests.")
    assert "Default SERVICE_PROVIDER_INWORLD will be used" in (ServiceProvider.__doc__ or "")


# Row: Unset breaks after deepcopy and pickle


@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_unset_survives_pickle(protocol):
    assert pickle.loads(pickle.dumps(UNSET, protocol)) is UNSET
    assert pickle.loads(pickle.dumps(Status(code=1), protocol)).message is UNSET


@pytest.mark.parametrize("duplicate", [copy.copy, copy.deepcopy])
def test_unset_survives_copies(duplicate):
    assert duplicate(UNSET) is UNSET
    assert duplicate(Status(code=1)).to_dict() == {"code": 1}


def test_there_is_one_unset():
    assert Unset() is UNSET
    assert not UNSET
    assert repr(UNSET) == "UNSET"


# JSON in, JSON out


@pytest.mark.parametrize(
    ("model", "data"),
    [
        (
            EmbedRequest,
            {"inputs": [{"text": "a"}], "model": {"model": "m", "serviceProvider": NEW}, "later": 1},
        ),
        (EmbedResponse, {"embeddings": [{"values": [1.5], "index": 3}], "usage": {"tokens": 2}}),
        (Status, {"code": 3, "message": "m", "details": [{"@type": "t", "a": [1]}]}),
        (Status, {}),
    ],
)
def test_models_round_trip_with_fields_they_do_not_know(model, data):
    assert model.from_dict(data).to_dict() == data


@pytest.mark.parametrize("data", ["", [], None, 1])
def test_what_is_no_object_is_no_model(data):
    with pytest.raises(TypeError, match="expected a JSON object"):
        EmbedResponse.from_dict(data)
