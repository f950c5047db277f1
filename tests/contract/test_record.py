"""`record` against the emulator: what it writes plays back, and holds nothing of the key."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from inworld_embeddings._settings import emulator_credential
from inworld_embeddings_emulator import EmulatorServer
from tools import record

ROOT = Path(__file__).resolve().parents[2]
KEY = emulator_credential().reveal()


def run(out, url, key):
    env = {name: value for name, value in os.environ.items() if not name.startswith("INWORLD_")}
    command = [sys.executable, "-m", "tools.record", "--out", str(out), "--base-url", url]
    return subprocess.run(
        command, cwd=ROOT, env=env | ({"INWORLD_API_KEY": key} if key else {}), capture_output=True, text=True
    )


def test_without_a_key_nothing_is_sent(tmp_path):
    done = run(tmp_path, "http://127.0.0.1:9", None)
    assert done.returncode == 2
    assert "INWORLD_API_KEY" in done.stderr
    assert not list(tmp_path.iterdir())


def test_recordings_are_readable_and_hold_no_key(tmp_path, play):
    with EmulatorServer() as server:
        done = run(tmp_path, server.url, KEY)
    assert done.returncode == 0, done.stderr
    written = {path.stem: json.loads(path.read_text("utf-8")) for path in tmp_path.glob("*.json")}
    statuses = {name: c["interactions"][0]["response"]["status"]["code"] for name, c in written.items()}
    assert statuses["single_text"] == 200
    assert statuses["unknown_key"] == 403
    assert len(statuses) == 10
    for path in tmp_path.glob("*.json"):
        text = path.read_text("utf-8")
        assert not any(piece in text for piece in record.pieces(KEY)), path
        assert "recorded from http://127.0.0.1" in text


def test_an_answer_that_echoes_the_key_is_not_written(tmp_path):
    model = {"model": "m", "serviceProvider": "SERVICE_PROVIDER_INWORLD"}
    body = {"inputs": [{"text": "x"}], "model": model}
    with EmulatorServer() as server, pytest.raises(SystemExit, match="not written"):
        record.record("echo", body, KEY, server.url, tmp_path, ["embeddings"])
    assert not list(tmp_path.iterdir())
