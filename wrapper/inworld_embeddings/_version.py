"""The one place that holds the version. A constant: a vendored copy has no package metadata to ask."""

__version__ = "0.1.0"

VENDORED = __name__ != "inworld_embeddings._version"
"""Whether this is a copy inside another package."""
