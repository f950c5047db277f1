"""`llm`: the command itself, in processes of its own."""

import os
import subprocess
import sys

import pytest

from .conftest import ANIMALS, KEY, PETS, assert_no_key, framework

framework("llm")


def llm(tmp_path, *arguments, code=0, given=None, **environ):
    env = os.environ | {"LLM_USER_PATH": str(tmp_path)} | environ
    command = [sys.executable, "-m", "llm", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, env=env, input=given)
    assert done.returncode == code, done.stderr
    return done.stdout + done.stderr


@pytest.mark.parametrize("model", ["inworld-local", "inworld"])
def test_a_collection_is_filled_and_searched(tmp_path, served, model):
    local = model == "inworld-local"
    environ = {} if local else {"INWORLD_API_KEY": KEY, "INWORLD_API_BASE": served.url}
    lines = "".join(f'{{"id": {number}, "text": "{text}"}}\n' for number, text in enumerate(ANIMALS))
    fill = ["embed-multi", "texts", "-", "-m", model, "--store", "--format", "nl"]
    llm(tmp_path, *fill, given=lines, **environ)
    query = PETS if local else ANIMALS[0]
    assert ANIMALS[0] in llm(tmp_path, "similar", "texts", "-c", query, "-n", "1", **environ)
    assert len(served.log) == (0 if local else 2)
    assert_no_key(tmp_path)


def test_without_a_key_it_says_how_to_give_one(tmp_path):
    told = llm(tmp_path, "embed", "-m", "inworld", "-c", "a", code=1)
    assert "llm keys set inworld" in told
    assert "INWORLD_API_KEY" in told
