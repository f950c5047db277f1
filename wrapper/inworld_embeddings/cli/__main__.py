"""``python -m inworld_embeddings.cli``."""

import sys

from . import main

sys.exit(main())
