"""Every error travels to another process whole. The key and the texts are in none, whatever the server echoes (C14)."""

import pickle
import re

import pytest

from inworld_embeddings import errors
from support.fault import TEXT, answer, status
from support.in_process import KEY, embed

CLASSES = [one for one in vars(errors).values() if getattr(one, "__module__", "") == errors.__name__]


@pytest.mark.parametrize("cls", CLASSES)
def test_every_error_survives_a_pickle(cls):
    error = cls("said", attempts=2, index=3)
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), vars(back)) == (cls, "said", vars(error))


TEXTS = ["planted-text " * 7, 'planted-text with "quotes" and a\nline break, ' * 3]
DETAIL = {"@type": "type.example/unknown", KEY: [{"deep": {KEY: f"Basic {KEY}"}}]}
NAMED = {"field": "inputs[0].text", "description": f"is refused: {TEXTS[0]}"}
REFUSED = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": [{"field": KEY}, NAMED]}
ECHOES = {
    "a key": status(403, message=f'no such key: "{KEY}" \x1b[31m\r\nX-Forged: 1'),
    "half a key": status(403, message=f'no such key: "{KEY[:14]}***"'),
    "a pair": status(403, message="planted-key:planted-secret"),
    "details": status(503, details=[DETAIL, REFUSED]),
    "a violation": status(400, details=[REFUSED]),
    "the request id": status(503, headers=[("x-inworld-request-id", KEY)]),
    "html": answer("html", 503, f"<html><title>{KEY}</title></html>".encode(), [("Content-Type", KEY)]),
    "a redirect": answer("redirect", 302, b"", [("Location", f"https://{KEY}.example/{KEY}")]),
    "a text": status(503, message=f"cannot embed {TEXTS[0]!r}"),
    "plain text": answer("text", 503, f"upstream said: {TEXTS[0]}".encode(), [TEXT]),
}


@pytest.mark.parametrize("script", ECHOES.values(), ids=ECHOES)
def test_C14_nothing_of_the_key_or_of_a_text_gets_into_an_error_or_the_log(script):
    """What else an error shows, and the log, are searched after each test: tests/conftest.py."""
    with pytest.raises(errors.APIError) as caught:
        embed(script, TEXTS, max_retries=0)
    assert str(caught.value).isprintable()
    assert not re.search(r"line break|upstream said: planted", str(caught.value))
