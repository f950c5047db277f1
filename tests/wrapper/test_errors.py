"""Every error travels to another process whole. The key and the texts are in none, whatever the server echoes (C14)."""

import pickle
import re

import pytest

from inworld_embeddings import errors
from support.fault import TEXT, answer, status
from support.in_process import KEY, embed

CLASSES = [
    cls
    for cls in vars(errors).values()
    if isinstance(cls, type) and issubclass(cls, errors.InworldEmbeddingsError)
]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_a_pickle(cls):
    error = cls("said", attempts=2, index=3)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (cls, "said", vars(error))


TEXTS = ["planted-text " * 7, 'planted-text with "quotes" and a\nline break, ' * 3]


def said(script):
    """The message of a call's error. What it shows otherwise, and the log, are searched after each test: tests/conftest.py."""
    with pytest.raises(errors.APIError) as caught:
        embed(script, TEXTS, max_retries=0)
    return str(caught.value)


@pytest.mark.parametrize(
    "echo", [KEY, KEY[:14] + "***", "planted-key:planted-secret"], ids=["whole", "masked", "pair"]
)
def test_C14_no_part_of_the_key_gets_into_an_error_or_the_log(echo):
    message = said(status(403, message=f'no such key: "{echo}" \x1b[31m\r\nX-Forged: 1'))
    assert "no such key" in message
    assert r"\x1b[31m\r\nX-Forged: 1" in message


DETAIL = {"@type": "type.example/unknown", KEY: [{"deep": {KEY: f"Basic {KEY}"}}]}
NAMED = {"field": "inputs[0].text", "description": f"is refused: {TEXTS[0]}"}
REFUSED = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": KEY}, NAMED]}
ECHOES = {
    "details": status(503, details=[DETAIL, REFUSED]),
    "a violation": status(400, details=[REFUSED]),
    "the request id": status(503, headers=[("x-inworld-request-id", KEY)]),
    "html": answer("html", 503, f"<html><title>{KEY}</title></html>".encode(), [("Content-Type", KEY)]),
    "a redirect": answer("redirect", 302, b"", [("Location", f"https://{KEY}.example/{KEY}")]),
    "the message": status(503, message=f"cannot embed {TEXTS[0]!r}"),
    "plain text": answer("text", 503, f"upstream said: {TEXTS[0]}".encode(), [TEXT]),
}


@pytest.mark.parametrize("script", ECHOES.values(), ids=ECHOES)
def test_C14_nor_does_anything_that_another_place_of_the_response_echoes(script):
    assert not re.search(r"line break|upstream said: planted", said(script))
