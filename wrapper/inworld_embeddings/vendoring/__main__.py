"""``python -m inworld_embeddings.vendoring``: no extra needed."""

import sys

from .program import main

sys.exit(main(sys.argv[1:], prog=f"python -m {__package__}"))
