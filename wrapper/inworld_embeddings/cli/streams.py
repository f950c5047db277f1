"""Standard output and error as they really are: narrow, full, or read by somebody who has left."""

import io
import os
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from . import FAILED


def guarded(command: Callable[[], int]) -> int:
    """Runs a command; returns its exit code.

    A character that an encoding lacks is written as its number. A reader that has seen enough, as ``head`` has, is no
    error; any other failure of standard output is one line.
    """
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        code = command()
        if sys.stdout is not None:
            sys.stdout.flush()
    except BrokenPipeError:
        _forget(sys.stdout)
        return 0
    except OSError as error:  # the disk is full, or the terminal is gone; maybe that of standard error too
        _forget(sys.stdout)
        try:
            sys.stderr.write(
                f"error: {f'{error.filename}: ' if error.filename else ''}{error.strerror or error}\n"
            )
        except OSError:
            _forget(sys.stderr)
        return FAILED
    return code


def _forget(stream: Any) -> None:
    """What is left in a stream goes nowhere, so that the end of the interpreter does not stumble over it."""
    with suppress(OSError, ValueError, AttributeError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
