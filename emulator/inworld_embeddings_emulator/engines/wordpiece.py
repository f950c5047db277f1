"""Text to words, and words to the pieces of a BERT vocabulary: lower case, no accents, longest match first.

The rules are those of BERT's uncased tokenizer, with every character property taken from Unicode 3.2, which each
Python carries beside its own newer Unicode. So the same text gives the same words on every Python; characters
younger than Unicode 3.2, emoji for example, are kept as they are, as parts of words.
"""

from collections.abc import Callable, Iterator
from typing import Final
from unicodedata import ucd_3_2_0 as ucd

LONGEST_WORD: Final = 100
"""Characters; a longer word has no pieces, as in BERT."""

_CACHED: Final = 8192
_PUNCTUATION: Final = frozenset(
    "$+<=>^`|~"
)  # ASCII symbols that BERT counts as punctuation beside Unicode's P*
_INVISIBLE: Final = (
    "\u00ad\u200b"  # soft hyphen, zero-width space: formatting since Unicode 4, dropped as such
)
_IDEOGRAPHS: Final = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x2FA1F),
    (0x30000, 0x323AF),
)


def fold(character: str) -> str:
    """What one character becomes: a space, nothing, itself in lower case without accents, or a word of its own."""
    category = ucd.category(character)
    if character in _INVISIBLE:
        return ""
    if character in "\t\n\r" or category[0] == "Z":
        return " "
    if any(first <= ord(character) <= last for first, last in _IDEOGRAPHS):
        return f" {ucd.normalize('NFD', character)} "
    if category == "Cn":
        return character
    if category[0] == "C":
        return ""
    if category[0] == "P" or character in _PUNCTUATION:
        return f" {character} "
    bare = ucd.normalize("NFD", character.lower())
    return "".join(part for part in bare if ucd.category(part) != "Mn")


class _Folds(dict[int, str]):
    """Code point to `fold` of it, filled as characters turn up; bounded, so that no text can make it large."""

    def __missing__(self, code_point: int) -> str:
        folded = fold(chr(code_point))
        if len(self) < _CACHED:
            self[code_point] = folded
        return folded


_FOLDS: Final = _Folds()


def words(text: str) -> list[str]:
    """The folded words of `text`; each punctuation mark and each ideograph is a word of its own."""
    return text.translate(_FOLDS).split()


def pieces(word: str, known: Callable[[str], bool]) -> Iterator[str]:
    """The longest known pieces of `word` from left to right, `##` before all but the first; none if one is missing."""
    found: list[str] = []
    start = 0
    while start < len(word) <= LONGEST_WORD:
        prefix = "##" if start else ""
        for end in range(len(word), start, -1):
            piece = prefix + word[start:end]
            if known(piece):
                found.append(piece)
                start = end
                break
        else:
            return
    yield from found
