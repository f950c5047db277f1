"""A key provider for workers in other processes: one of them dies, or stops, as a file says that whoever it is takes away.

The file's name is in INWORLD_TEST_DIE. An empty one kills the first worker that asks after it was made, by SIGKILL. One that
says ``stop`` stops the first worker that asks for the third time, and one that says ``executor`` kills it together with the
JVM that runs it: then one batch of its own is answered, and no part of it needs to be there.
"""

import base64
import itertools
import os
import signal

_asked = itertools.count(1)


def key():
    """The emulator's key."""
    asked = next(_asked)
    try:
        with open(os.environ["INWORLD_TEST_DIE"]) as file:  # noqa: PTH123 - nothing is to be imported
            how = file.read()
        if not how or asked == 3:
            os.unlink(os.environ["INWORLD_TEST_DIE"])  # noqa: PTH108 - atomic, as above
            _end(how)
    except (KeyError, FileNotFoundError):
        pass
    return base64.b64encode(b"local:local").decode()


def _end(how):
    if how == "executor":
        with open(f"/proc/{os.getppid()}/stat") as daemon:  # noqa: PTH123 - as above
            os.kill(int(daemon.read().rsplit(")", 1)[1].split()[1]), signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGSTOP if how == "stop" else signal.SIGKILL)
