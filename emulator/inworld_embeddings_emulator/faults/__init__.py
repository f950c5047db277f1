"""Faults on demand: a layer around the emulator that refuses, delays, cuts and garbles, by a script that repeats.

One language for every door, see `reader`: Python, the request header `HEADER`, the admin call at `ADMIN_PATH`, and
``inworld-embeddings serve --fault``. The faults are the rows of the table in `kinds`, `state` decides which request meets
which, and `layer` lets it happen.
"""

from .kinds import asked
from .layer import ADMIN_PATH, HEADER, FaultLayer
from .state import NOTHING, Faults, Observer

__all__ = ["ADMIN_PATH", "HEADER", "NOTHING", "FaultLayer", "Faults", "Observer", "asked"]
