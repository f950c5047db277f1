"""Keeps the key out of text that a server or a library wrote.

Servers echo credentials: whole, cut off (``"Zm9v***"``), percent-encoded, or JSON-escaped. What is replaced here is
any piece of a secret of eight characters or more, so that no way of cutting a message leaves a useful part behind.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import fields, is_dataclass
from typing import Any, Final, NoReturn

from .echo import without_texts
from .escapes import levels
from .printable import LOOK, cut, printable
from .secret import Secret

MARK: Final = "[redacted]"
PIECE: Final = 8
SHORTEST: Final = 4

_DEPTH: Final = 12
_MASK = re.compile(r"\*{2,}|\.{3,}|…")


class Redactor:
    """Replaces secrets in text by ``[redacted]``.

    It keeps hashes of the secrets' pieces, salted by the interpreter, not the secrets: nothing that looks into it
    finds a key. For the same reason it does not pickle.

    Args:
        secrets: Base64 values, keys, secrets, tokens. A base64 value also stands for the pair inside it. Strings of
            fewer than 4 characters are not looked for: they would hide ordinary words.
    """

    __slots__ = ("_heads", "_pieces", "_tails", "_texts")

    def __init__(self, secrets: Iterable[Secret | str] = ()) -> None:
        self._texts: Sequence[str] = ()
        forms = {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}
        sizes = {min(len(form), PIECE) for form in forms}
        self._pieces = {size: _pieces(forms, size) for size in sizes}
        lengths = range(SHORTEST, PIECE)
        self._heads = frozenset(hash(form[:n]) for form in forms for n in lengths)
        self._tails = frozenset(hash(form[-n:]) for form in forms for n in lengths)

    def __repr__(self) -> str:
        return "Redactor(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a redactor does not pickle: it knows a secret")

    def about(self, texts: Sequence[str]) -> "Redactor":
        """The same, for what a server says about these texts: they are taken out too."""
        other = Redactor()
        other._pieces, other._heads, other._tails = self._pieces, self._heads, self._tails
        other._texts = texts
        return other

    def clean(self, text: str, limit: int = 500) -> str:
        """The text on one printable line of at most ``limit`` characters, without any secret.

        Control characters become visible escapes first and the cut comes last, so neither can bring a secret back.
        Of longer texts the first 64 kB are read.
        """
        shown = printable(without_texts(text[:LOOK], self._texts) if self._texts else text[:LOOK])
        result = cut(self._replace(shown), limit)
        if result != shown and any(self._marks(result)):
            return cut(MARK, limit)  # a secret that itself looks like the mark or the ellipsis
        return result

    def clean_details(self, details: Iterable[Any]) -> tuple[Any, ...]:
        """Error details with every string in them cleaned, however deep; under 12 levels, nothing is kept."""
        return tuple(self._clean_value(detail, _DEPTH) for detail in details)

    def _clean_value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.clean(value)
        is_record = is_dataclass(value) and not isinstance(value, type)
        if depth == 0 and (is_record or isinstance(value, list | tuple | dict)):
            return MARK
        if isinstance(value, dict):
            members = value.items()
            return {self.clean(str(name)): self._clean_value(member, depth - 1) for name, member in members}
        if isinstance(value, list | tuple):
            return type(value)(self._clean_value(member, depth - 1) for member in value)
        if is_record:
            return type(value)(*(self._clean_value(getattr(value, f.name), depth - 1) for f in fields(value)))
        return value

    def _replace(self, text: str) -> str:
        marks = self._marks(text)
        kept, position = [], 0
        for match in re.finditer(rb"\x01+", marks):
            kept += [text[position : match.start()], MARK]
            position = match.end()
        return "".join([*kept, text[position:]])

    def _marks(self, text: str) -> bytearray:
        """One byte for each character: 1 where a secret is, written plainly or in escapes."""
        marks = bytearray(len(text))
        if self._pieces:
            for decoded, starts in levels(text):
                for begin, end in self._spans(decoded):
                    first, last = starts[begin], starts[end]
                    marks[first:last] = b"\x01" * (last - first)
        return marks

    def _spans(self, text: str) -> Iterator[tuple[int, int]]:
        for size, pieces in self._pieces.items():
            for begin in range(len(text) - size + 1):
                if hash(text[begin : begin + size]) in pieces:
                    yield begin, begin + size
        for mask in _MASK.finditer(text):
            begin, end = mask.span()
            for n in range(SHORTEST, PIECE):
                if n <= begin and hash(text[begin - n : begin]) in self._heads:
                    yield begin - n, end
                if end + n <= len(text) and hash(text[end : end + n]) in self._tails:
                    yield begin, end + n


def _forms(secret: Secret | str) -> Iterator[str]:
    """What gives the secret away: itself, and the ``key:secret`` inside a base64 value."""
    value = secret.reveal() if isinstance(secret, Secret) else secret
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        pair = value
    yield from map(printable, (value, pair, *pair.split(":", 1)))


def _pieces(forms: Iterable[str], size: int) -> frozenset[int]:
    return frozenset(
        hash(form[begin : begin + size])
        for form in forms
        if min(len(form), PIECE) == size
        for begin in range(len(form) - size + 1)
    )
