"""A few printable words of any response body: an HTML page's title, a text's beginning, or how many bytes it has."""

import html
import re
from typing import Final

from .printable import LOOK, cut, printable

_KEPT: Final = 4000
# Possessive, so that no input makes it backtrack. An unclosed "<" is a text of its own.
_MARKUP = re.compile(r"<(/?[a-z]*+)[^<>]*+>|([^<]++|<)", re.IGNORECASE)
_LOOKS_LIKE_MARKUP = re.compile(r"<(?:!doctype|!--|\?xml|[a-z][a-z0-9]{0,15}[\s>])", re.IGNORECASE)
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]")
_SILENT: Final = frozenset({"script", "style"})


def excerpt(body: bytes | bytearray, limit: int = 500) -> str:
    """What a person can use of a body, on one line, for an error message.

    It may still hold a key that the server echoed: pass it through a ``Redactor``.

    Args:
        body: Any bytes; the first 64 kB are looked at.
        limit: Longest result, characters.
    """
    text = body[:LOOK].decode("utf-8", "replace")
    unreadable = len(_UNREADABLE.findall(text))
    if unreadable > 1 and unreadable * 4 > len(text):  # gzip: 38 % and more
        return cut(f"<{len(body)} bytes of binary data>", limit)
    text = text.lstrip("\ufeff \t\r\n")
    if _LOOKS_LIKE_MARKUP.match(text):
        text = _words(text)
    return cut(printable(" ".join(text[: max(limit, 0) + _KEPT].split())), limit)


def _words(page: str) -> str:
    """The title of an HTML page, or else its text."""
    title: list[str] = []
    words: list[str] = []
    inside = ""
    for tag, text in _MARKUP.findall(page):
        if tag and (inside not in _SILENT or tag.lower() == f"/{inside}"):
            inside = tag.lower()
        elif inside not in _SILENT:
            (title if inside == "title" else words).extend(text.split())
    # Cut first: numeric references of thousands of digits make unescape raise.
    return html.unescape(" ".join(title)[:_KEPT] or " ".join(words)[:_KEPT])
