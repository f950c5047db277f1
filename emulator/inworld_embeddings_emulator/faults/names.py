"""Where faults are asked for over HTTP."""

from typing import Final

HEADER: Final = "x-inworld-emulator-fault"
"""Asks for faults in a request, and names them in its answer."""

ADMIN_PATH: Final = "/_emulator/faults"
"""Reads and changes the faults of all requests, where chaos is on."""
