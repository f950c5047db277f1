"""Reads text as it is and with its escapes undone, keeping track of where each character comes from."""

import html
import re
from collections.abc import Iterator
from typing import Final

_LEVELS: Final = 3
_ESCAPE = re.compile(
    r"%(?P<percent>[0-9A-Fa-f]{2})|\\u(?P<u>[0-9A-Fa-f]{4})|\\x(?P<x>[0-9A-Fa-f]{2})|\\(?P<char>.)|(?P<entity>&\#?\w{1,8};)"
)


def levels(text: str) -> Iterator[tuple[str, list[int]]]:
    """The text, and what it says with its escapes undone once and twice, with where each character comes from."""
    starts = list(range(len(text) + 1))
    for _ in range(_LEVELS):
        yield text, starts
        if not _ESCAPE.search(text):
            return
        text, starts = _undo(text, starts)


def _undo(text: str, starts: list[int]) -> tuple[str, list[int]]:
    parts: list[str] = []
    origins: list[int] = []
    position = 0
    for match in _ESCAPE.finditer(text):
        parts += [text[position : match.start()], _meaning(match)]
        origins += [*starts[position : match.start()], starts[match.start()]]
        position = match.end()
    return "".join([*parts, text[position:]]), origins + starts[position:]


def _meaning(match: re.Match[str]) -> str:
    """The one character an escape stands for."""
    if match["entity"]:
        return html.unescape(match["entity"])[:1]
    if match["char"]:
        return match["char"]
    return chr(int(match["percent"] or match["u"] or match["x"], 16))
