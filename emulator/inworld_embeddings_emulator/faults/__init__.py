"""Faults on demand: a layer around the emulator that refuses, delays, cuts and garbles, by a script that repeats.

One grammar for every door, see `grammar`: Python, the request header `HEADER`, the admin call at `ADMIN_PATH`, and
``inworld-embeddings serve --fault``. The kinds of faults are the classes of `kinds`.
"""

from typing import TYPE_CHECKING, Any

from .names import ADMIN_PATH, HEADER

if TYPE_CHECKING:
    from .grammar import parse
    from .layer import FaultLayer
    from .script import NOTHING, Part, Script, Scripted, Step
    from .state import Faults, Observer

__all__ = [
    "ADMIN_PATH",
    "HEADER",
    "NOTHING",
    "FaultLayer",
    "Faults",
    "Observer",
    "Part",
    "Script",
    "Scripted",
    "Step",
    "parse",
]

_HOME = {
    "parse": "grammar",
    "FaultLayer": "layer",
    "NOTHING": "script",
    "Part": "script",
    "Script": "script",
    "Scripted": "script",
    "Step": "script",
    "Faults": "state",
    "Observer": "state",
}


def __getattr__(name: str) -> Any:
    """Loads a part when it is asked for: most emulators never have a fault."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module  # noqa: PLC0415

    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)
