"""Copies this client into another package's tree, under its own name, and says later what became of the copy.

`python -m inworld_embeddings.vendoring`, `inworld-embeddings vendor` and ``tools/vendor.py`` are the same program; see
docs/vendoring.md. Standard library only.
"""

from .copying import MANIFEST, Choice, Manifest, Report, Source, VendorError, check, vendor

__all__ = ["MANIFEST", "Choice", "Manifest", "Report", "Source", "VendorError", "check", "vendor"]
