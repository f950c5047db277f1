"""Takes a request's own texts out of what the server says about them: inputs are nobody's business in a log."""

from collections.abc import Sequence

PIECE = 24
"""Characters of a text that must not stand in a message in one run."""

SHORTEST = 4
"""Texts shorter than this are not looked for: they are in every message."""

MARK = "[input]"


def without_texts(message: str, texts: Sequence[str]) -> str:
    """The message without whole texts, and without longer runs of them.

    Args:
        message: From the server; the first 2000 characters are kept.
        texts: What was sent.
    """
    message = message[:2000]
    for text in sorted((text for text in texts if len(text) >= SHORTEST), key=len, reverse=True):
        if len(text) <= len(message):
            message = message.replace(text, MARK)
    everything = "\0".join(texts)
    position, kept = 0, []
    while position < len(message):
        if len(message) - position >= PIECE and message[position : position + PIECE] in everything:
            end = position + PIECE
            while end < len(message) and message[end - PIECE + 1 : end + 1] in everything:
                end += 1
            kept.append(MARK)
            position = end
        else:
            kept.append(message[position])
            position += 1
    return "".join(kept)
