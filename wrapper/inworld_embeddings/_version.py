"""The one place that holds the version. A constant: a vendored copy has no package metadata to ask."""

__version__ = "0.1.0"
