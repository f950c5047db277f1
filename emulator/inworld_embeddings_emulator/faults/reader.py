"""A place in a script's text: what can be read from there, and how to say what is wrong with it."""

import contextlib
import difflib
import re
from collections.abc import Collection, Iterator
from typing import Any, Final, NoReturn

from inworld_embeddings.errors import ConfigurationError

from .forms import Form
from .script import BARE

_BLANK: Final = re.compile(r"\s*")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_QUOTED: Final = re.compile(r'"((?:[^"]|"")*)"')


class Reader:
    """Reads a text from left to right.

    Args:
        text: The text.
        kinds: Listed in every message.
    """

    def __init__(self, text: str, kinds: Collection[str]) -> None:
        self._text = text
        self._kinds = kinds
        self.at = 0
        self.match(_BLANK)

    @property
    def at_end(self) -> bool:
        """Whether all has been read."""
        return self.at == len(self._text)

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Reads what a pattern matches here, if it does, and the blanks after it."""
        found = pattern.match(self._text, self.at)
        if found:
            end = found.end()
            self.at = end + len(self._text[end:]) - len(self._text[end:].lstrip())
        return found

    def ahead(self, mark: str) -> bool:
        """Whether a mark is next."""
        return self._text.startswith(mark, self.at)

    def take(self, mark: str) -> bool:
        """Reads a mark, if it is next."""
        return self.ahead(mark) and self.match(re.compile(re.escape(mark))) is not None

    def name(self, known: Collection[str], what: str) -> str:
        """Reads one of some names."""
        begin = self.at
        found = self.match(_NAME)
        if not found:
            self.fail(f"a {what} should stand here")
        name = found[0].lower()
        if name not in known:
            near = difflib.get_close_matches(name, known, 1)
            hint = f"; did you mean {near[0]}?" if near else f"; there is {', '.join(known) or 'none'}"
            self.fail(f"{name[:40]!r} is not a {what}{hint if what != 'kind' or near else ''}", begin)
        return name

    def value(self, form: Form, what: str) -> Any:
        """Reads a value of a form."""
        begin = self.at
        quoted = self.match(_QUOTED)
        bare = None if quoted else self.match(BARE)
        text = quoted[1].replace('""', '"') if quoted else bare[0] if bare else ""
        try:
            value = form.read(text)
        except (ValueError, KeyError):
            value = None
        return value if form.accepts(value) else self.fail(f"{what} must be {form.says}", begin)

    @contextlib.contextmanager
    def blaming(self, begin: int) -> Iterator[None]:
        """Gives what is refused inside a place in the text."""
        try:
            yield
        except ConfigurationError as error:
            self.fail(str(error).rstrip("."), begin)

    def fail(self, what: str, begin: int | None = None) -> NoReturn:
        """Says what is wrong from a character on, and which kinds there are."""
        place = self.at if begin is None else begin
        where = f"character {place + 1}" if place < len(self._text) else "the end"
        raise ConfigurationError(f"faults, at {where}: {what}. Kinds: {', '.join(self._kinds)}.") from None
