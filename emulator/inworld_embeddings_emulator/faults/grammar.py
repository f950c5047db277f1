"""Reads a script of faults from text, the same for Python, the request header, the admin call and the command line.

::

    script = step *("," step) ["," "repeat"]
    step   = part *("+" part) ["x" COUNT | "for" DURATION]
    part   = [PERCENT "%"] kind ["=" value] *(";" parameter ["=" value])

A step lasts for one request, for ``x3`` requests or ``for 5s``; the last one, if it does not say, for ever. After a last
one that does say, nothing is wrong any more, unless ``repeat`` starts the script again. So ``status=503`` is always,
``status=503 x2`` is twice and then good, ``ok x9, drop, repeat`` is every tenth request.

Parts joined by ``+`` are drawn independently and apply together: ``latency=200ms + 30% status=503``. Of several that
replace the answer the first one written does.

A value is bare, or in double quotes if it holds a blank or one of ``, ; + "``; inside quotes ``""`` is one quote, and a
backslash is only a backslash. Durations are ``2``, ``0.2s`` or ``200ms``, sizes ``65536``, ``64k`` or ``4m``. The kinds and
their parameters are the classes of `kinds` and their fields: ``status=429;retry-after=2`` is
``Status(429, retry_after=2)``. ``rate-limit`` is short for ``status=429``.
"""

import re
from dataclasses import MISSING
from typing import Any, Final

from inworld_embeddings.errors import ConfigurationError

from .fault import Fault, settings
from .forms import FLAG, FORM, SECONDS, Form, number
from .kinds import KINDS
from .reader import Reader
from .script import MOST_STEPS, Part, Script, Step

LONGEST: Final = 20_000
"""Most characters of a script."""

_ALIASES: Final = {"rate-limit": ("status", "429")}
_NAMES: Final = (*KINDS, *_ALIASES)

_PERCENT: Final = re.compile(r"([0-9]{1,3}(?:\.[0-9]{1,9})?)\s*%")
_TIMES: Final = re.compile(r"x\s*([0-9]{1,10})(?![^\s,])")
_FOR: Final = re.compile(r"for(?=\s*[0-9])")
_REPEAT: Final = re.compile(r"repeat\s*$")


def parse(text: str) -> Script:
    """The script in a text.

    Raises:
        ConfigurationError: it cannot be read; says at which character, and what there is.
    """
    if len(text) > LONGEST:
        raise ConfigurationError(f"faults: a script has at most {LONGEST} characters.")
    reader = Reader(text, _NAMES)
    steps, repeat = [_step(reader)], False
    while not repeat and reader.take(","):
        repeat = reader.match(_REPEAT) is not None
        if not repeat:
            steps.append(_step(reader))
        if len(steps) > MOST_STEPS:
            reader.fail(f"more than {MOST_STEPS} steps")
    if not reader.at_end:
        reader.fail("this is not understood; ',', '+', ';', 'x3' or 'for 5s' could stand here")
    return Script(tuple(steps), repeat)


def _step(reader: Reader) -> Step:
    parts = [_part(reader)]
    while reader.take("+"):
        parts.append(_part(reader))
        if len(parts) > MOST_STEPS:
            reader.fail(f"more than {MOST_STEPS} parts")
    begin = reader.at
    times = reader.match(_TIMES)
    seconds = reader.value(SECONDS, "the time") if not times and reader.match(_FOR) else None
    with reader.blaming(begin):
        return Step(tuple(parts), int(times[1]) if times else None, seconds)


def _part(reader: Reader) -> Part:
    begin = reader.at
    percent = reader.match(_PERCENT)
    fault = _fault(reader)
    with reader.blaming(begin):
        return Part(fault, number(percent[1], -2) if percent else 1.0)


def _fault(reader: Reader) -> Fault:
    begin = reader.at
    name = reader.name(_NAMES, "kind")
    kind, preset = _ALIASES.get(name, (name, None))
    known = settings(KINDS[kind])
    main = next(iter(known.values()), None)
    found: dict[str, Any] = {}
    if main and preset:
        found[main.name] = main.metadata[FORM].read(preset)
    elif main and reader.take("="):
        found[main.name] = reader.value(main.metadata[FORM], name)
    elif main and main.default is MISSING:
        reader.fail(f"{name} needs '=' and {main.metadata[FORM].says}")
    while reader.take(";"):
        place = reader.at
        parameter = reader.name(list(known)[1:], f"parameter of {name}")
        if known[parameter].name in found:
            reader.fail(f"{parameter} is given twice", place)
        found[known[parameter].name] = _parameter(reader, parameter, known[parameter].metadata[FORM])
    with reader.blaming(begin):
        return KINDS[kind](**found)


def _parameter(reader: Reader, name: str, form: Form) -> Any:
    if form is FLAG and not reader.ahead("="):
        return True
    if not reader.take("="):
        reader.fail(f"{name} needs '=' and {form.says}")
    return reader.value(form, name)
