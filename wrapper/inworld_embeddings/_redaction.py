"""What is removed from an error text before anyone sees it: pieces of a key, a request's own texts, control characters.

Servers echo what they were sent: whole, cut off (``"Zm9v***"``), percent-encoded, or JSON-escaped. So a text is
searched as it is written and with its escapes undone. All work is bounded by what is kept of the message plus, once
for a request, the length of its texts.
"""

import base64
import binascii
import functools
import html
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Final, NoReturn, ParamSpec, TypeAlias

from .errors import ConfigurationError

_P = ParamSpec("_P")

ELLIPSIS: Final = "…"
MARK: Final = "[redacted]"
INPUT_MARK: Final = "[input]"

LOOK: Final = 64 * 1024
"""Bytes of a response's body that are ever looked at."""
SPARE: Final = 1500
"""Characters that are read of a message beyond those that are kept: marks are shorter than what they stand for."""
SHORTEST: Final = 4
"""Keys and texts of fewer characters are not looked for: they would hide ordinary words."""
PIECE: Final = 8
"""Characters of a key that must not stand in a message in one run."""
TEXT_PIECE: Final = 24
"""Characters of a request's text that must not stand in a message in one run."""

_PROBE: Final = 16
_STRIDE: Final = TEXT_PIECE + 1 - _PROBE  # any 24 characters of a text then hold one whole probe of it
_PAGE_TEXT: Final = 4000

Pieces: TypeAlias = dict[int, set[int]]
"""Hashes of the pieces to look for, by their length."""

_MASK = re.compile(r"\*{2,}|\.{3,}|…")
_ESCAPE = re.compile(r"(?:%|\\x)([0-9A-Fa-f]{2})|\\u([0-9A-Fa-f]{4})|\\(.)|(&\#?\w{1,8};)", re.DOTALL)
_CHARACTER = re.compile(_ESCAPE.pattern + "|.", re.DOTALL)
_CONTROLS: Final = {"n": "\n", "r": "\r", "t": "\t"}

# Possessive, so that no input makes it backtrack. An unclosed "<" is a text of its own.
_MARKUP = re.compile(r"<(/?[a-z]*+)[^<>]*+>|([^<]++|<)", re.IGNORECASE)
_LOOKS_LIKE_MARKUP = re.compile(r"<(?:!doctype|!--|\?xml|[a-z][a-z0-9]{0,15}[\s>])", re.IGNORECASE)
_UNREADABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1a\x1c-\x1f\x7f-\x9f\ufffd]")
_SILENT: Final = frozenset({"script", "style"})


class Secret:
    """A string that does not show itself: not in a repr, a traceback with locals, a log, or a pickle.

    `reveal` is the only way to it, and easy to search for.
    """

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A secret does not pickle. Give the other process its own.")


def arguments_hidden(init: Callable[_P, None]) -> Callable[_P, None]:
    """Keeps the key out of the traceback of a failed construction, which may be printed with local variables."""

    @functools.wraps(init)
    def checked(*args: _P.args, **kwargs: _P.kwargs) -> None:
        try:
            init(*args, **kwargs)
        except (ConfigurationError, TypeError) as error:
            del args, kwargs
            error.__context__ = None  # its frames hold the key too
            raise error.with_traceback(None) from None

    return checked


class Redactor:
    """Replaces every piece of a key of eight characters or more by ``[redacted]``, and a request's texts by ``[input]``.

    It keeps hashes of the pieces, salted by the interpreter, not the secrets: nothing that looks into it finds a key.
    For the same reason it does not pickle. A base64 value also stands for the pair inside it.
    """

    __slots__ = ("_inputs", "_keys", "_long_texts", "_masked")

    def __init__(self, secrets: Iterable[Secret | str] = ()) -> None:
        self._inputs: Pieces = {}
        self._long_texts: list[str] = []
        self._keys: Pieces = {}
        self._masked: set[int] = set()
        for form in {form for secret in secrets for form in _forms(secret) if len(form) >= SHORTEST}:
            size = min(len(form), PIECE)
            pieces = (form[at : at + size] for at in range(len(form) - size + 1))
            self._keys.setdefault(size, set()).update(map(hash, pieces))
            for n in range(SHORTEST, PIECE):
                self._masked |= {hash(form[:n] + ELLIPSIS), hash(ELLIPSIS + form[-n:])}

    def __repr__(self) -> str:
        return "Redactor(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("A redactor does not pickle: it knows a secret.")

    def about(self, texts: Iterable[str]) -> "Redactor":
        """The same, for what a server says about these texts: they are taken out too."""
        other = Redactor()
        other._keys, other._masked = self._keys, self._masked
        for text in texts:
            if len(text) >= TEXT_PIECE:
                other._long_texts.append(text)
            elif len(text) >= SHORTEST:
                other._inputs.setdefault(len(text), set()).add(hash(text))
        return other

    def clean(self, text: str, limit: int = 500) -> str:
        """The text on one printable line of at most ``limit`` characters, without any secret.

        Control characters become visible escapes before keys are looked for, and the text is truncated last, so that
        neither can bring a key back. Text beyond the limit and 1500 characters more is not read.
        """
        if len(text) > limit + SPARE:
            text = text[: limit + SPARE] + ELLIPSIS  # the start of a key in front of an ellipsis is found
        if self._long_texts and len(text) >= TEXT_PIECE:
            # Not before: it reads all texts, and many messages are too short to hold a piece of one.
            probes = self._inputs.setdefault(_PROBE, set())
            for long in self._long_texts:
                probes.update([hash(long[at : at + _PROBE]) for at in range(0, len(long) - _PROBE, _STRIDE)])
                probes.add(hash(long[-_PROBE:]))
            self._long_texts = []
        shown = printable(_replace(text, INPUT_MARK, self._inputs, set()))
        result = truncate(_replace(shown, MARK, self._keys, self._masked), limit)
        if result == shown or result == _replace(result, MARK, self._keys, self._masked):
            return result
        return truncate(MARK, limit)  # a secret that itself looks like the mark or the ellipsis

    def clean_details(self, details: Iterable[Any]) -> tuple[Any, ...]:
        """Error details with every string in them cleaned, however deep; under 12 levels, nothing is kept."""
        return tuple(self._clean_value(detail, 12) for detail in details)

    def _clean_value(self, value: Any, depth: int) -> Any:
        if isinstance(value, str):
            return self.clean(value)
        if not isinstance(value, list | tuple | dict):
            return value
        if depth == 0:
            return MARK
        clean = functools.partial(self._clean_value, depth=depth - 1)
        if isinstance(value, dict):
            return {self.clean(str(name)): clean(member) for name, member in value.items()}
        return getattr(value, "_make", type(value))(map(clean, value))

    def finds_key(self, text: str) -> bool:
        """Whether a piece of a key stands plainly in a text: a quick look at one that holds no escapes."""
        return next(_spans(text, self._keys, set()), None) is not None


def printable(text: str) -> str:
    r"""Shows what a terminal or a log would act on as an escape: ``\n``, ``\x1b``, ``\u2028``, ``\u202e``.

    That is every character without a printable form: C0 and C1 controls, line and paragraph separators, bidi
    overrides, zero-width characters, lone surrogates, spaces other than U+0020. Backslashes stay as they are, so
    doing it twice changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def truncate(text: str, limit: int) -> str:
    """At most ``limit`` characters, the last one an ellipsis when something is missing."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + ELLIPSIS[: max(limit, 0)]


def excerpt(body: bytes | bytearray, limit: int = 500) -> str:
    """What a person can use of any body, on one line: an HTML page's title, a text's beginning, or its size.

    The first 64 kB are looked at. It may still hold a key that the server echoed: pass it through a ``Redactor``.
    """
    text = body[:LOOK].decode("utf-8", "replace")
    unreadable = len(_UNREADABLE.findall(text))
    if unreadable > 1 and unreadable * 4 > len(text):  # gzip: 38 % and more
        return truncate(f"<{len(body)} bytes of binary data>", limit)
    text = text.lstrip("\ufeff \t\r\n")
    if _LOOKS_LIKE_MARKUP.match(text):
        text = _page_text(text)
    return truncate(printable(" ".join(text[: max(limit, 0) + _PAGE_TEXT].split())), limit)


def _page_text(page: str) -> str:
    """The title of an HTML page, or else its text."""
    title: list[str] = []
    words: list[str] = []
    inside = ""
    for tag, text in _MARKUP.findall(page):
        if tag and (inside not in _SILENT or tag.lower() == f"/{inside}"):
            inside = tag.lower()
        elif inside not in _SILENT:
            (title if inside == "title" else words).extend(text.split())
    # Truncated first: numeric references of thousands of digits make unescape raise.
    return html.unescape(" ".join(title)[:_PAGE_TEXT] or " ".join(words)[:_PAGE_TEXT])


def _forms(secret: Secret | str) -> Iterator[str]:
    """What gives the secret away: itself, and the ``key:secret`` inside a base64 value."""
    value = secret.reveal() if isinstance(secret, Secret) else secret
    try:
        pair = base64.b64decode(value, validate=True).decode()
    except (binascii.Error, ValueError):
        pair = value
    yield from map(printable, (value, pair, *pair.split(":", 1)))


def _replace(text: str, mark: str, pieces: Pieces, masked: set[int]) -> str:
    """The text with a mark for each run of pieces in it, written plainly or in escapes."""
    if not pieces:
        return text
    hidden = bytearray(len(text))
    for reading, starts in _readings(text):
        for begin, end in _spans(reading, pieces, masked):
            first, last = starts[begin], starts[end]
            hidden[first:last] = b"\x01" * (last - first)
    kept, position = [], 0
    for run in re.finditer(rb"\x01+", hidden):
        kept += [text[position : run.start()], mark]
        position = run.end()
    return "".join([*kept, text[position:]])


def _readings(text: str) -> Iterator[tuple[str, Sequence[int]]]:
    """The text, and what it says with its escapes undone once and twice, with where each character comes from."""
    starts: Sequence[int] = range(len(text) + 1)
    yield text, starts
    for _ in range(2):
        if not _ESCAPE.search(text):
            return
        written = list(_CHARACTER.finditer(text))
        starts = [*(starts[match.start()] for match in written), starts[-1]]
        text = "".join(map(_meaning, written))
        yield text, starts


def _meaning(match: re.Match[str]) -> str:
    """The one character that an escape, or a character, stands for."""
    byte, code, character, entity = match.groups()
    if byte or code:
        return chr(int(byte or code, 16))
    if entity:
        return html.unescape(entity)[:1] or "\ufffd"
    return _CONTROLS.get(character, character) if character else match[0]


def _spans(text: str, pieces: Pieces, masked: set[int]) -> Iterator[tuple[int, int]]:
    """Where pieces are, and where the first or last characters of a key stand next to a mask such as ``***``."""
    for size, hashes in pieces.items():
        for begin in range(len(text) - size + 1):
            if hash(text[begin : begin + size]) in hashes:
                yield begin, begin + size
    if not masked:
        return
    for mask in _MASK.finditer(text):
        begin, end = mask.span()
        for n in range(SHORTEST, PIECE):
            if n <= begin and hash(text[begin - n : begin] + ELLIPSIS) in masked:
                yield begin - n, end
            if hash(ELLIPSIS + text[end : end + n]) in masked:
                yield begin, min(end + n, len(text))
