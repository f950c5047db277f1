"""The ``inworld-embeddings`` command, also as ``python -m inworld_embeddings``.

``demo`` runs without the ``cli`` extra; the other commands say what is missing.
"""

import sys

from .cli import UNUSABLE
from .cli.streams import guarded


def main() -> int:
    """Runs the command; returns its exit code."""
    return guarded(_run)


def _run() -> int:
    try:
        from .cli.app import run  # noqa: PLC0415 - needs the extra
    except ModuleNotFoundError as missing:
        if (missing.name or "").partition(".")[0] not in ("click", "rich"):
            raise
    else:
        return run()
    if sys.argv[1:2] == ["demo"]:
        from .cli.demo import main as demo  # noqa: PLC0415 - each command loads what it needs

        return demo(sys.argv[2:])
    sys.stderr.write(
        "error: the command line needs click and rich (the extra `cli`): pip install click rich\n"
        "Without them there is: inworld-embeddings demo\n"
    )
    return UNUSABLE


if __name__ == "__main__":
    sys.exit(main())
