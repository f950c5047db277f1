"""``python -m inworld_embeddings``: the ``inworld-embeddings`` command."""

import sys

from .cli import main

if __name__ == "__main__":
    sys.exit(main())
