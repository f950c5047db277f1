"""A key provider for workers in other processes: the first that asks after the file in INWORLD_TEST_DIE was made takes it away and dies."""

import base64
import os
import signal


def key():
    """The emulator's key."""
    try:
        os.unlink(os.environ["INWORLD_TEST_DIE"])  # noqa: PTH108 - atomic, and nothing is to be imported
        os.kill(os.getpid(), signal.SIGKILL)
    except (KeyError, FileNotFoundError):
        pass
    return base64.b64encode(b"local:local").decode()
