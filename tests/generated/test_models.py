"""The models: tolerant enums, one UNSET, and JSON that comes back as it went in."""

import copy
import datetime as dt
import math
import pickle
from typing import Literal
from uuid import UUID

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
from inworld_embeddings_client.types import read, to_json

NEW = "SERVICE_PROVIDER_NEW"
MODEL = {"model": "m", "serviceProvider": NEW}
COPIES = [
    copy.copy,
    copy.deepcopy,
    *(lambda value, p=p: pickle.loads(pickle.dumps(value, p)) for p in range(6)),
]


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


def test_constructors_take_keywords_only():
    with pytest.raises(TypeError, match="positional"):
        ModelId("m", ServiceProvider("S"))


def test_what_is_no_string_is_no_enum_value_and_a_known_one_is_its_member():
    assert ServiceProvider("SERVICE_PROVIDER_OPENAI") is ServiceProvider.SERVICE_PROVIDER_OPENAI
    assert type(ModelId(model="m", service_provider=NEW).to_dict()["serviceProvider"]) is str
    for value in (None, 1, ["SERVICE_PROVIDER_OPENAI"]):
        with pytest.raises(ValueError, match="is not a valid ServiceProvider"):
            ServiceProvider(value)


def test_there_is_one_unset():
    assert (bool(UNSET), repr(UNSET)) == (False, "UNSET")
    for duplicate in COPIES:
        assert duplicate(UNSET) is Unset() is UNSET
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


WRONG = {
    "expected a JSON object, got list": (EmbedResponse, []),
    "serviceProvider: expected str, got NoneType": (ModelId, {"model": "m", "serviceProvider": None}),
    "model: expected str, got int": (ModelId, MODEL | {"model": 1}),
    r"embeddings: \[1\]: values: \[2\]: expected float, got str": (
        EmbedResponse,
        {"embeddings": [{"values": []}, {"values": [0, 1.5, "x"]}]},
    ),
}


@pytest.mark.parametrize(("told", "wrong"), WRONG.items(), ids=WRONG)
def test_what_is_of_another_type_is_refused_by_its_place(told, wrong):
    model, data = wrong
    with pytest.raises(TypeError, match=f"^{told}$"):
        model.from_dict(data)


@pytest.mark.parametrize(
    ("kind", "value", "made"),
    [
        (list[list[int]], [[1], None, ["2"]], [[1], [], [2]]),
        (list[float], [0, 1e-7, "NaN", "Infinity", "-Infinity"], [0.0, 1e-7, math.nan, math.inf, -math.inf]),
        (int, 7.0, 7),
        (str | None, None, None),
        (str | float, "NaN", "NaN"),
        (float | str, 1, 1.0),
        (Literal["a", 1], 1, 1),
        (dt.date, "2026-01-02", dt.date(2026, 1, 2)),
        (UUID, "0" * 32, UUID(int=0)),
        (ModelId | ServiceProvider, NEW, ServiceProvider(NEW)),
        (dict | Unset, None, UNSET),
    ],
    ids=repr,
)
def test_a_value_is_read_as_its_type_and_written_back(kind, value, made):
    found = read(kind, value, "field")
    assert (type(found), repr(found)) == (type(made), repr(made))
    assert repr(to_json(found)) in map(repr, (value, made, str(made)))


REFUSED = {
    int: ["1_0", 1.5, math.inf, True],
    float: ["0.5", None, True, 10**400],
    bool: [1, "true"],
    str | Unset: [1],
    Literal[1]: [True],
    list[float]: ["", {}, [0.5, "0.5"], [None]],
    EmbedResponse: [{"embeddings": "ab"}, {"embeddings": [None]}, {"embeddings": [{"values": 1}]}],
    dt.date: ["soon", 5],
}


@pytest.mark.parametrize("kind", REFUSED, ids=repr)
def test_what_only_resembles_a_value_is_refused(kind):
    for value in REFUSED[kind]:
        with pytest.raises(TypeError, match="^field: "):
            read(kind, value, "field")
