"""The ``inworld-embeddings`` command: ``app`` and the modules of its commands. It begins in ``__main__``."""

FAILED, UNUSABLE, REFUSED, PAUSED, INTERRUPTED = 1, 2, 3, 75, 130
"""Exit codes, the same for all commands. 0 is done."""
