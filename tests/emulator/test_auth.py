import base64

import pytest

from inworld_embeddings import _settings as configuration
from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator import TEST_KEY, Emulator

MISSING = {
    "code": 16,
    "message": "authentication is required",
    "details": [
        {
            "@type": "type.googleapis.com/ai.inworld.common.InworldStatus",
            "errorType": "SESSION_TOKEN_INVALID",
            "reconnectType": "NO_RETRY",
            "reconnectTime": None,
            "maxRetries": 0,
        }
    ],
}


@pytest.mark.parametrize(
    "key",
    [None, "", "Basic", "Basic ", "Bearer bG9jYWw6bG9jYWw=", "bG9jYWw6bG9jYWw=", "Basicbg==", ",Basic x"],
)
def test_without_a_basic_value_it_is_401(ask, key):
    assert ask({}, key=key) == (401, MISSING)


@pytest.mark.parametrize(
    ("key", "shown"),
    [
        ("Basic Zm9vOmJhcg==", "Zm9v***"),
        ("Basic local:local", "loca***"),
        ("Basic bG9jYWw6bG9jYWw", "bG9j***"),  # its padding is missing
        ("Basic abc", "abc***"),
        ("Basic 日本語日本", "日本語日***"),
        ("Basic \ud800", "\ud800***"),
    ],
)
def test_an_unknown_value_is_403_and_echoed_in_part(ask, key, shown):
    message = f'API key does not exist or was deleted: "{shown}"'
    assert ask({}, key=key) == (403, {"code": 7, "message": message, "details": []})


@pytest.mark.parametrize("scheme", ["Basic", "basic", "BASIC", "Basic  "])
def test_the_scheme_has_no_case(ask, scheme):
    assert ask({}, key=f"{scheme} bG9jYWw6bG9jYWw=")[0] == 200


def test_a_key_of_its_own_shuts_out_the_test_key(engine, request_of):
    emulator = Emulator(engine, api_key="mine:own")
    assert not emulator.uses_test_key
    assert emulator.handle(request_of({})).status == 403
    own = base64.b64encode(b"mine:own").decode()
    assert emulator.handle(request_of({}, key=f"Basic {own}")).status == 200


@pytest.mark.parametrize("api_key", ["", "secret", "secret:", ":secret"])
def test_a_malformed_own_key_is_refused_without_echo(engine, api_key):
    with pytest.raises(ConfigurationError) as caught:
        Emulator(engine, api_key=api_key)
    assert "secret:" not in str(caught.value).replace("key:secret", "")


def test_client_and_emulator_publish_the_same_test_key(engine):
    assert base64.b64decode(configuration.emulator_credential().reveal()).decode() == TEST_KEY
    assert Emulator(engine).uses_test_key
