"""Copy the client into another package's tree: `vendor.py DEST [--package NAME] [--check]`; `--help` tells the rest.

The same program as `inworld-embeddings vendor`, from a checkout: nothing has to be installed.
"""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "wrapper"))

from inworld_embeddings.vendoring import main  # found by the line above

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
