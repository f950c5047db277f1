"""Which faults when, as data: a script of steps, each of faults with a probability. `str` gives its text."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from inworld_embeddings.errors import ConfigurationError

from .fault import Fault, settings
from .forms import FORM, SECONDS, plain_number
from .kinds import Ok

MOST_STEPS: Final = 1000
"""Steps in a script, and parts in a step."""

BARE: Final = re.compile(r'[^\s,;+"]+')
"""A value that needs no quotes."""


@dataclass(frozen=True, slots=True)
class Part:
    """A fault and how likely it is.

    Attributes:
        fault: What happens.
        chance: How often, from 0 to 1.
    """

    fault: Fault
    chance: float = 1.0

    def __post_init__(self) -> None:
        if not isinstance(self.fault, Fault):
            raise ConfigurationError(f"A part needs a fault, not {type(self.fault).__name__}.")
        if not (type(self.chance) in (int, float) and 0 <= self.chance <= 1):
            raise ConfigurationError("A chance must be a number from 0 to 1 (in a script 0% to 100%).")

    def __str__(self) -> str:
        chance = "" if self.chance == 1 else f"{plain_number(self.chance * 100)}% "
        return chance + _fault_text(self.fault)


@dataclass(frozen=True, slots=True)
class Step:
    """What happens to some requests in a row.

    Attributes:
        parts: Drawn independently; those that hit apply together. Of several that replace the answer, the first does.
        times: For how many requests. By default for one; in a script's last step for all that follow.
        seconds: Or for how long, from the first request that reaches the step.
    """

    parts: tuple[Part, ...]
    times: int | None = None
    seconds: float | None = None

    def __post_init__(self) -> None:
        if type(self.parts) is not tuple or not 0 < len(self.parts) <= MOST_STEPS:
            raise ConfigurationError(f"A step needs a tuple of 1 to {MOST_STEPS} parts.")
        if self.times is not None and self.seconds is not None:
            raise ConfigurationError("A step lasts for a number of requests or for a time, not both.")
        if self.times is not None and not (type(self.times) is int and 1 <= self.times <= 10**9):
            raise ConfigurationError("A step's number of requests must be 1 or more.")
        if self.seconds is not None and not (SECONDS.accepts(self.seconds) and self.seconds >= 0.001):
            raise ConfigurationError(f"A step's time must be {SECONDS.says}, and at least 1 ms.")

    def __str__(self) -> str:
        lasts = f" x{self.times}" if self.times is not None else ""
        lasts += f" for {SECONDS.write(self.seconds)}" if self.seconds is not None else ""
        return " + ".join(map(str, self.parts)) + lasts


@dataclass(frozen=True, slots=True)
class Script:
    """Steps, one after another. What comes after the last is without faults, unless that lasts for ever.

    Attributes:
        steps: The steps.
        repeat: Whether it starts again after the last.
    """

    steps: tuple[Step, ...]
    repeat: bool = False

    def __post_init__(self) -> None:
        if type(self.steps) is not tuple or not 0 < len(self.steps) <= MOST_STEPS:
            raise ConfigurationError(f"A script needs a tuple of 1 to {MOST_STEPS} steps.")

    def __str__(self) -> str:
        return ", ".join([*map(str, self.steps), *(["repeat"] if self.repeat else [])])


Scripted: TypeAlias = "str | Fault | Part | Step | Script | Sequence[Scripted]"
"""What stands for a script: its text, or a fault, a part, a step, or several of all these one after another."""

NOTHING: Final = Script((Step((Part(Ok()),)),))
"""No faults, for ever."""


def as_script(value: Scripted) -> Script:
    """The script that a value stands for.

    Raises:
        ConfigurationError: it stands for none; says where it is wrong.
    """
    match value:
        case Script():
            return value
        case str():
            from .grammar import parse  # noqa: PLC0415 - it needs this module

            return parse(value)
        case Step():
            return Script((value,))
        case Part():
            return Script((Step((value,)),))
        case Fault():
            return Script((Step((Part(value),)),))
        case Sequence():
            return _joined([as_script(item) for item in value])
    raise ConfigurationError(
        f"Faults must be a text, a fault, or a list of them, not {type(value).__name__}."
    )


def _joined(scripts: Sequence[Script]) -> Script:
    if any(script.repeat for script in scripts[:-1]):
        raise ConfigurationError("Only the last script of a list can repeat.")
    return Script(
        tuple(step for script in scripts for step in script.steps), scripts[-1].repeat if scripts else False
    )


def _fault_text(fault: Fault) -> str:
    text = fault.kind
    for place, (name, item) in enumerate(settings(type(fault)).items()):
        value = getattr(fault, item.name)
        if value != item.default:
            written = "" if value is True else f"={_quoted(item.metadata[FORM].write(value))}"
            text += written if place == 0 else f";{name}{written}"
    return text


def _quoted(value: str) -> str:
    return value if BARE.fullmatch(value) else '"' + value.replace('"', '""') + '"'
