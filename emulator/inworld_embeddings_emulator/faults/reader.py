"""Reads a script of faults. The language is the same in Python, a request's header, the admin call and ``serve``.

::

    script = step *("," step) ["," "repeat"]
    step   = part *("+" part) ["x" COUNT | "for" DURATION]
    part   = [PERCENT "%"] fault ["=" value] *(";" setting ["=" value])

docs/use/local-mode.md says what it means; the faults and their settings are the rows of `kinds.KINDS`.
"""

import difflib
import re
from collections.abc import Collection
from dataclasses import dataclass
from typing import Any, Final, NoReturn

from inworld_embeddings.errors import ConfigurationError

from .kinds import FLAG, KINDS, Fault, Form, duration, number, whole

LONGEST: Final = 20_000
"""Most characters of a script."""

_BLANKS: Final = re.compile(r"\s*")
_NAME: Final = re.compile(r"[A-Za-z][A-Za-z0-9-]*")
_QUOTED: Final = re.compile(r'"((?:[^"]|"")*)"')
_BARE: Final = re.compile(r'[^\s,;+"]+')
_PERCENT: Final = re.compile(r"([0-9.]+)\s*%")
_TIMES: Final = re.compile(r"x(?=\s*[0-9])")
_FOR: Final = re.compile(r"for(?=\s*[0-9])")
_REPEAT: Final = re.compile(r"repeat\s*$")
_COUNT: Final = whole(1, 10**9)
_TIME: Final = duration(0.001)


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to some requests in a row."""

    faults: tuple[Fault, ...]  # drawn independently; those that are drawn apply together
    times: int | None = None  # by default for one request; in a script's last step for all that follow
    seconds: float | None = None  # or for so long from the first request that reaches the step


@dataclass(frozen=True, slots=True)
class Script:
    """Steps, one after another."""

    text: str
    steps: tuple[Step, ...]
    repeat: bool  # whether it starts again after the last


def parse(text: str) -> Script:
    """The script in a text.

    Raises:
        ConfigurationError: it cannot be read; says at which character, what could stand there, and which faults there are.
    """
    if type(text) is not str:
        raise ConfigurationError(f"faults: a script is a text such as 'status=503 x2, ok', not {text!r:.60}.")
    if len(text) > LONGEST:
        raise ConfigurationError(f"faults: a script has at most {LONGEST} characters, not {len(text)}.")
    reader = _Reader(text)
    steps, repeat = [reader.step()], False
    while not repeat and reader.take(","):
        repeat = reader.match(_REPEAT) is not None
        if not repeat:
            steps.append(reader.step())
    if reader.at < len(text):
        reader.fail("this is not understood; ',', '+', ';', 'x3' or 'for 5s' may stand here; quote blanks")
    return Script(text.strip(), tuple(steps), repeat)


class _Reader:
    """Reads a text from left to right; `at` is how far it has come."""

    def __init__(self, text: str) -> None:
        self._text = text
        self.at = 0
        self.match(_BLANKS)

    def step(self) -> Step:
        faults = [self._fault()]
        while self.take("+"):
            faults.append(self._fault())
        times = self._value(_COUNT, "the number of requests") if self.match(_TIMES) else None
        seconds = None if times or not self.match(_FOR) else self._value(_TIME, "the time")
        return Step(tuple(faults), times, seconds)

    def _fault(self) -> Fault:
        chance = self._chance()
        begin = self.at
        name = self._name(KINDS, "fault")
        kind, value = KINDS[name], KINDS[name].default
        if kind.form and self.take("="):
            value = self._value(kind.form, name)
        elif kind.form and value is None:
            self.fail(f"{name} needs '=' and {kind.form.says}")
        settings: dict[str, Any] = {}
        while self.take(";"):
            place = self.at
            setting = self._name(kind.settings, f"setting of {name}")
            if setting in settings:
                self.fail(f"{setting} is given twice", place)
            form = kind.settings[setting]
            if form is not FLAG and not self.take("="):
                self.fail(f"{setting} needs '=' and {form.says}")
            settings[setting] = form is FLAG or self._value(form, setting)
        fault = Fault(name, value, settings, chance)
        try:
            if kind.check:
                kind.check(fault)
        except ValueError as error:
            self.fail(f"{name}: {error}", begin)
        return fault

    def _chance(self) -> float:
        begin = self.at
        percent = self.match(_PERCENT)
        try:
            return number(percent[1], 0, 100) / 100 if percent else 1.0
        except ValueError:
            self.fail("a chance must be from 0% to 100%", begin)

    def _value(self, form: Form, what: str) -> Any:
        begin = self.at
        quoted = self.match(_QUOTED)
        bare = None if quoted else self.match(_BARE)
        try:
            return form.read(quoted[1].replace('""', '"') if quoted else bare[0] if bare else "")
        except (KeyError, ValueError):
            self.fail(f"{what} must be {form.says}", begin)

    def _name(self, known: Collection[str], what: str) -> str:
        begin = self.at
        found = self.match(_NAME)
        if not found:
            self.fail(f"a {what} should stand here")
        name = found[0].lower()
        if name not in known:
            near = difflib.get_close_matches(name, known, 1, 0.7)
            others = "" if known is KINDS else f"; there is {', '.join(known) or 'none'}"
            hint = f"; did you mean {near[0]}?" if near else others
            self.fail(f"{name[:40]!r} is not a {what}{hint}", begin)
        return name

    def match(self, pattern: re.Pattern[str]) -> re.Match[str] | None:
        """Reads what a pattern matches here, if it does, and the blanks after it."""
        found = pattern.match(self._text, self.at)
        if found:
            blanks = _BLANKS.match(self._text, found.end())
            self.at = blanks.end() if blanks else found.end()
        return found

    def take(self, mark: str) -> bool:
        """Reads a mark, if it is next."""
        return self.match(re.compile(re.escape(mark))) is not None

    def fail(self, what: str, begin: int | None = None) -> NoReturn:
        """Says what is wrong from a character on."""
        place = self.at if begin is None else begin
        where = f"character {place + 1}" if place < len(self._text) else "the end"
        raise ConfigurationError(f"faults, at {where}: {what}. Faults: {', '.join(KINDS)}.") from None
