"""The ``inworld-embeddings`` command: ``app`` and the modules of its commands. It begins in ``__main__``."""

FAILED, UNUSABLE, REFUSED, PAUSED, INTERRUPTED = 1, 2, 3, 75, 130
"""Exit codes, the same for all commands. 0 is done."""


def counted(count: int, one: str, several: str = "") -> str:
    """A number with its noun, such as "1 row" and "2 rows"."""
    return f"{count} {one if count == 1 else several or one + 's'}"
