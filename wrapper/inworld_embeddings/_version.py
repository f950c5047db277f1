"""Which versions are at work: of this package, of the spec, of the generator."""

from typing import NamedTuple

__version__ = "0.1.0"
# A constant in the source: a vendored copy has no package metadata to ask.

VENDORED = __name__ != "inworld_embeddings._version"
"""Whether this is a copy inside another package."""


class About(NamedTuple):
    """What to put in a bug report.

    Attributes:
        version: Of this package, as in ``__version__``.
        spec_sha256: Of the openapi.yaml that the generated client was made from, in hex.
        generator: What made it, and its version.
        vendored: Whether this is a copy inside another package.
    """

    version: str
    spec_sha256: str
    generator: str
    vendored: bool

    def __str__(self) -> str:
        copy = ", vendored" if self.vendored else ""
        return f"{self.version} (openapi.yaml {self.spec_sha256[:12]}, {self.generator}{copy})"


def about() -> About:
    """The versions of this package, its spec and its generator. Loads the generated client."""
    from ._api import provenance  # noqa: PLC0415 - it loads httpx

    origin = provenance()
    generator = f"openapi-python-client {origin['tools']['openapi-python-client']}"
    return About(__version__, origin["sha256"]["openapi.yaml"], generator, VENDORED)
