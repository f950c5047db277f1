"""Copies this client into another package's tree, under its own name, and says later what became of the copy.

`python -m inworld_embeddings.vendoring`, `inworld-embeddings vendor` and ``tools/vendor.py`` are the same program; see
docs/vendoring.md. Standard library only.
"""

from .choice import Choice
from .copying import Report, VendorError, check, vendor
from .manifest import MANIFEST, Manifest
from .source import Source

__all__ = ["MANIFEST", "Choice", "Manifest", "Report", "Source", "VendorError", "check", "vendor"]
