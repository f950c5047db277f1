"""How each setting of a fault is written in a script, and what it may be. One table of forms for text and Python."""

import math
import re
from collections.abc import Callable
from dataclasses import MISSING, dataclass, field
from enum import Enum
from typing import Any, Final, TypeVar

FORM: Final = "form"
"""Key of a field's `Form` in its metadata."""

LONGEST: Final = 600.0
"""Most seconds of any duration: a typing error must not hold a thread for a day."""

_LONGEST_TEXT: Final = 1000
_UNITS: Final = {"": 1, "k": 1024, "m": 1024 * 1024}

E = TypeVar("E", bound=Enum)


@dataclass(frozen=True, slots=True)
class Form:
    """One kind of setting.

    Attributes:
        read: Its value from a script's text; raises `ValueError`.
        write: The text of a value; `read` gives the value back.
        accepts: Whether a value, wherever it came from, is a possible one.
        says: What it must be, as the end of a sentence.
    """

    read: Callable[[str], Any]
    write: Callable[[Any], str]
    accepts: Callable[[Any], bool]
    says: str


def setting(form: Form, default: Any = MISSING) -> Any:
    """A dataclass field of a form; required without a default."""
    return field(default=default, metadata={FORM: form})


def optional(form: Form) -> Any:
    """A dataclass field of a form, or None."""
    return setting(form, None)


def number(text: str, exponent: int = 0) -> float:
    """The number that a text has with its point moved: ``number("22.7", -2)`` is 0.227, to the bit.

    Raises:
        ValueError: it is not a plain decimal number.
    """
    if not re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", text):
        raise ValueError(text)
    return float(f"{text}e{exponent}")


def plain_number(value: float) -> str:
    """The shortest text that `number` reads."""
    return f"{value:.9f}".rstrip("0").rstrip(".")


def _is_number(value: object) -> bool:
    return type(value) in (int, float) and math.isfinite(value)  # type: ignore[arg-type]


def whole(least: int, most: int) -> Form:
    """A whole number."""
    return Form(
        read=_whole,
        write=str,
        accepts=lambda value: type(value) is int and least <= value <= most,
        says=f"a whole number from {least} to {most}",
    )


def _whole(text: str) -> int:
    if not re.fullmatch("[0-9]{1,12}", text):
        raise ValueError(text)
    return int(text)


COUNT: Final = whole(1, 100_000)


def _duration(text: str) -> float:
    return number(text[:-2], -3) if text.endswith("ms") else number(text.removesuffix("s"))


SECONDS: Final = Form(
    read=_duration,
    write=lambda value: f"{plain_number(value)}s",
    accepts=lambda value: _is_number(value) and 0 <= value <= LONGEST,
    says=f"a duration from 0 to {LONGEST:.0f} s, such as 2, 0.2s or 200ms",
)

PER_SECOND: Final = Form(
    read=number,
    write=plain_number,
    accepts=lambda value: _is_number(value) and 0.01 <= value <= 1e6,
    says="a number from 0.01 to 1000000",
)


def _size(text: str) -> int:
    digits = text.rstrip("km")
    return _whole(digits) * _UNITS[text[len(digits) :]]


SIZE: Final = Form(
    read=_size,
    write=str,
    accepts=lambda value: type(value) is int and 0 < value < 2**40,
    says="a number of bytes, such as 65536, 64k or 4m",
)

AMOUNT: Final = Form(
    read=lambda text: number(text[:-1], -2) if text.endswith("%") else _size(text),
    write=lambda value: str(value) if type(value) is int else f"{plain_number(value * 100)}%",
    accepts=lambda value: _is_number(value) and (value >= 0 if type(value) is int else 0 <= value < 1),
    says="a number of bytes, or a percentage under 100 (in Python a float under 1)",
)

TEXT: Final = Form(
    read=str,
    write=str,
    accepts=lambda value: isinstance(value, str) and len(value) <= _LONGEST_TEXT,
    says=f"a text of at most {_LONGEST_TEXT} characters",
)


def _is_pattern(value: object) -> bool:
    if not (isinstance(value, str) and 0 < len(value) <= _LONGEST_TEXT):
        return False
    try:
        re.compile(value)
    except (re.error, RecursionError, OverflowError, Warning):
        return False
    return True


PATTERN: Final = Form(read=str, write=str, accepts=_is_pattern, says="a regular expression")

FLAG: Final = Form(
    read=lambda text: {"": True, "yes": True, "no": False}[text],
    write=lambda value: "yes" if value else "no",
    accepts=lambda value: type(value) is bool,
    says="given without a value",
)


def choice(kind: type[E]) -> Form:
    """One of an enum's values."""
    return Form(
        read=kind,
        write=lambda value: str(value.value),
        accepts=lambda value: isinstance(value, kind),
        says="one of " + ", ".join(str(member.value) for member in kind),
    )
