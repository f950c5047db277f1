"""Broken bodies for whatever reads what a server sends: a few by default, as many as `EXAMPLES` under `nox -s long`."""

import os

import pytest
from hypothesis import strategies as st

_MANY = pytest.param(int(os.environ.get("EXAMPLES", "100000")), marks=pytest.mark.long)
fuzzed = pytest.mark.parametrize("examples", [100, _MANY])
"""A test that is run with so many examples."""

_PIECES = b'[ ] { } , : " - null NaN 1e999 \x00 \xff \\u0000 [[ "values"'.split()


@st.composite
def broken(draw, bodies):
    """One of the bodies with bytes changed, cut, doubled and put in: pure noise rarely gets past the first bracket."""
    body = bytearray(draw(st.sampled_from(bodies)))
    for _ in range(draw(st.integers(0, 6))):
        at = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(["put in", "cut out", "copy", "cut off"])):
            case "put in":
                body[at:at] = draw(st.sampled_from(_PIECES) | st.binary(max_size=3))
            case "cut out":
                del body[at : at + draw(st.integers(1, 8))]
            case "copy":
                body[at:at] = body[at : at + draw(st.integers(1, 30))]
            case "cut off":
                del body[at:]
    return bytes(body)
