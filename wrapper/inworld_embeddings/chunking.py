"""Texts that are longer than a model reads: told from their length, and cut into pieces that fit.

No tokenizer is here, so both go by estimates. The tokenizers of the known models start a new token at a space, and few of
their tokens have more than sixteen letters (a word of over a hundred may be a single unknown one): that gives the least
number of tokens a text can have. What it will have is estimated from above: a token for each three letters of a word,
and for each character beyond ASCII.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Final

from .errors import ConfigurationError
from .models import DEFAULT_MODEL, MODELS

LONGEST_TOKEN: Final = 16
"""Letters of the longest tokens that are common."""

_SENTENCES = re.compile(r"(?<=[.!?…])\s+|(?<=[\u3002\uff01\uff1f])|\n\s*\n")
_WORDS = re.compile(r"(?<=\s)(?=\S)")
_WORD = re.compile(r"\S+")


def surely_longer(text: str, tokens: int) -> bool:
    """Whether a text has more than so many tokens even by the least that it can have."""
    if len(text) < 2 * tokens:  # so many words, or so long ones, need more room
        return False
    words = text.split()
    return len(words) > tokens or sum(min(len(word), 100) for word in words) > LONGEST_TOKEN * tokens


def chunk(text: str, model: str = DEFAULT_MODEL, *, max_tokens: int | None = None) -> list[str]:
    """Cuts a text into pieces that a model reads whole: between sentences, else between words, else between characters.

    The size of a piece is estimated, and rather too small than too large. Nothing but white space around pieces is lost.

    Args:
        text: The text. An empty one has no pieces.
        model: A name in `MODELS`, whose ``max_tokens`` counts.
        max_tokens: Tokens of a piece instead, at least 1.

    Raises:
        ConfigurationError: a model that is not in `MODELS`, without ``max_tokens``; or fewer tokens than 1.
    """
    if max_tokens is None:
        if model not in MODELS:
            raise ConfigurationError(
                f"How much {model} reads is not known here: pass max_tokens=. Known: {', '.join(MODELS)}."
            )
        max_tokens = MODELS[model].max_tokens - 2  # the model puts one before and one after
    if max_tokens < 1:
        raise ConfigurationError(f"max_tokens must be 1 or more; it is {max_tokens}.")
    return [piece for part in _cut(text, max_tokens) if (piece := part.strip())]


def _cut(text: str, limit: int) -> Iterator[str]:
    """The text in parts of at most so many tokens, each as long as can be."""
    for sentence in _joined(_split(text, _SENTENCES), limit):
        for words in _joined(_split(sentence, _WORDS), limit):
            yield from _joined(words, limit) if _tokens(words) > limit else [words]


def _split(text: str, at: re.Pattern[str]) -> Iterator[str]:
    start = 0
    for match in at.finditer(text):
        yield text[start : match.end()]
        start = match.end()
    yield text[start:]


def _joined(parts: Iterable[str], limit: int) -> Iterator[str]:
    """The parts, neighbours together as long as they fit. One that does not fit stands alone."""
    together: list[str] = []
    size = 0
    for part in parts:
        tokens = _tokens(part)
        if together and size + tokens > limit:
            yield "".join(together)
            together, size = [], 0
        together.append(part)
        size += tokens
    yield "".join(together)


def _tokens(text: str) -> int:
    """About how many tokens a text has, rather too many."""
    if text.isascii():
        return sum((len(word) + 2) // 3 for word in _WORD.findall(text))
    beyond = sum(character > "\x7f" for character in text)
    return beyond + sum(
        (len(word) + 2) // 3 for word in _WORD.findall(text.encode("ascii", "ignore").decode())
    )
