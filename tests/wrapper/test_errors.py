"""Every error travels to another process whole. The key and the texts are in none, whatever the server echoes (C14)."""

import logging
import pickle

import pytest

from inworld_embeddings import errors
from support.faults import BAD_REQUEST, answer, key_echo, status
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


SECRETS = (
    KEY,
    "planted-key:planted-secret",
    KEY[:14] + "***",
    KEY.replace("=", "%3D"),
    "planted\\u002dsecret",
)
PIECES = [
    *(KEY[start : start + 8] for start in range(len(KEY) - 8)),
    "planted-secret",
    "planted%2D",
    "d-secret",
]
TEXTS = [
    "planted-text: what a person wrote about somebody else, and nobody but the service may read",
    'planted-text with "quotes" and\nline breaks, as people write them in their letters',
]


def shown(script, caplog):
    """The error of a call, after a look for pieces of the key and of the texts at all that it shows, and at the log."""
    caplog.set_level(logging.DEBUG, "inworld_embeddings")
    with pytest.raises(errors.APIError) as caught:
        embed(script, TEXTS, max_retries=0)
    error = caught.value
    windows = [text[start : start + 24] for text in TEXTS for start in range(len(text) - 24)]
    ours = "".join(record.getMessage() for record in caplog.records if record.name.startswith("inworld"))
    for seen in (str(error), repr(error), repr(vars(error)), pickle.dumps(error).decode("latin-1"), ours):
        assert not [piece for piece in PIECES if piece.lower() in seen.lower()]
        assert not [window for window in windows if window.isprintable() and window in seen]
    return str(error)


@pytest.mark.parametrize("echo", SECRETS)
def test_C14_no_part_of_the_key_gets_into_an_error_or_the_log(echo, caplog):
    said = shown(key_echo(f'no such key: "{echo}" \x1b[31m\r\nX-Forged: 1'), caplog)
    assert "no such key" in said
    assert r"\x1b[31m\r\nX-Forged: 1" in said


DETAIL = {"@type": "type.example/unknown", KEY: [{"deep": {KEY: f"Basic {KEY}"}}]}
REFUSED = {
    "@type": BAD_REQUEST,
    "fieldViolations": [
        {"field": KEY},
        {"field": "inputs[0].text", "description": f"is refused: {TEXTS[0]}"},
    ],
}
ECHOES = {
    "details": status(503, details=[DETAIL, REFUSED]),
    "a violation": status(400, details=[REFUSED]),
    "the request id": status(503, headers=[("x-inworld-request-id", KEY)]),
    "html": answer("html", 503, f"<html><title>{KEY}</title></html>".encode(), [("Content-Type", KEY)]),
    "a redirect": answer("redirect", 302, b"", [("Location", f"https://{KEY}.example/{KEY}")]),
    "the message": status(503, message=f"cannot embed {TEXTS[0]!r}"),
    "a cut message": status(503, message=f"cannot embed {TEXTS[0][:40]}..."),
    "all texts": status(503, message="; ".join(TEXTS)),
    "plain text": answer(
        "text", 503, f"upstream said: {TEXTS[0]}".encode(), [("Content-Type", "text/plain")]
    ),
}


@pytest.mark.parametrize("where", ECHOES)
def test_C14_nor_does_anything_that_another_place_of_the_response_echoes(where, caplog):
    shown(ECHOES[where], caplog)
