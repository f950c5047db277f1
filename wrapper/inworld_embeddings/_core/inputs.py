"""Checks texts before anything is sent: catalogue rows E03 and E05."""

import re
from collections.abc import Iterable, Sequence
from typing import Any

from ..errors import InvalidInputError

_SURROGATE = re.compile("[\ud800-\udfff]")


def checked_texts(texts: Any, *, replace: bool = False) -> list[str]:
    """A sequence of texts as a list, each one checked; ``replace`` as for `checked_text`.

    Raises:
        InvalidInputError: not a sequence of str, or a text with a lone surrogate; names the index.
    """
    if isinstance(texts, str | bytes | bytearray | memoryview) or texts is None:
        raise InvalidInputError(f"inputs must be a list of str, not {type(texts).__name__}.")
    if not isinstance(texts, Iterable):
        raise InvalidInputError(f"inputs must be a str or a list of str, not {type(texts).__name__}.")
    if isinstance(texts, dict | set | frozenset):
        raise InvalidInputError(f"inputs must be ordered: pass a list instead of a {type(texts).__name__}.")
    items = texts if isinstance(texts, Sequence) else list(texts)
    return [
        text if type(text) is str and text.isascii() else checked_text(text, index, replace=replace)
        for index, text in enumerate(items)
    ]


def checked_source(texts: Any, kind: Any) -> Any:
    """An iterable of the given kind, whose texts are checked as they are pulled.

    Raises:
        InvalidInputError: a bare str, bytes, or nothing that can be iterated.
    """
    if isinstance(texts, str | bytes | bytearray | memoryview) or not isinstance(texts, kind):
        raise InvalidInputError(f"inputs must be an iterable of str, not {type(texts).__name__}.")
    return texts


def checked_text(text: Any, index: int | None = None, *, replace: bool = False) -> str:
    """One text, checked: a str that UTF-8 can hold, if need be and ``replace`` with U+FFFD for each surrogate.

    Raises:
        InvalidInputError: with ``index``.
    """
    where = "the input" if index is None else f"inputs[{index}]"
    if not isinstance(text, str):
        raise InvalidInputError(f"{where} must be a str, not {type(text).__name__}.", index=index)
    plain = str.__str__(text)  # of a subclass, such as numpy's, the str itself
    try:
        plain.encode()
    except UnicodeEncodeError as error:
        if replace:
            return _SURROGATE.sub("\ufffd", plain)
        raise InvalidInputError(
            f"{where} has a lone surrogate at position {error.start}, which UTF-8 cannot hold. "
            "Decode the source with errors='replace', or pass replace_surrogates=True to send U+FFFD in its place.",
            index=index,
        ) from None
    return plain
