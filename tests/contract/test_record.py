"""`record` against the emulator: what it writes plays back, and holds nothing of the key."""

import json

import pytest

from inworld_embeddings._settings import emulator_credential
from inworld_embeddings_client import AuthenticatedClient, EmbedRequest, embed
from inworld_embeddings_emulator import EmulatorServer
from tools import record

KEY = emulator_credential().reveal()
MODEL = {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}


def test_recordings_play_and_hold_no_key(play, tmp_path, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    with EmulatorServer() as server:
        url = server.url
        assert record.main(["--out", str(tmp_path), "--base-url", url]) == 0
    with play(tmp_path / "multiple_texts.json"), AuthenticatedClient(base_url=url, token="other") as client:
        played = embed.sync(client=client, body=EmbedRequest.from_dict({"inputs": [], "model": MODEL}))
    assert len(played.embeddings) == 3
    texts = {path.stem: path.read_text("utf-8") for path in tmp_path.glob("*.json")}
    told = {name: json.loads(text)["interactions"][0]["response"]["status"] for name, text in texts.items()}
    assert (told["single_text"]["code"], told["unknown_key"]["code"], len(told)) == (200, 403, 10)
    assert all("recorded from http://127.0.0.1" in text for text in texts.values())
    assert not any(piece in text for piece in record.pieces(KEY) for text in texts.values())


def test_an_answer_that_echoes_the_key_is_not_written(tmp_path):
    body = {"inputs": [{"text": "x"}], "model": MODEL}
    with EmulatorServer() as server, pytest.raises(SystemExit, match="not written"):
        record.record("echo", body, KEY, server.url, tmp_path, ["embeddings"])
    assert not list(tmp_path.iterdir())
