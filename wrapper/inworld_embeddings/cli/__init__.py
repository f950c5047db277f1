"""The ``inworld-embeddings`` command. Without the ``cli`` extra it says how to get it."""

import sys


def main() -> int:
    """Runs the command; returns its exit code."""
    try:
        import click  # noqa: F401, PLC0415 - is it there?
        import rich  # noqa: F401, PLC0415
    except ImportError:
        sys.stderr.write("The command line needs its extra: pip install 'inworld-embeddings[cli]'\n")
        return 2
    from .app import run  # noqa: PLC0415 - needs the extra

    return run()
