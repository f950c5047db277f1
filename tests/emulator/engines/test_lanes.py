import pytest
from hypothesis import given
from hypothesis import strategies as st

from inworld_embeddings_emulator.engines import lanes

VALUES = st.integers(-(1 << 40), 1 << 40)


@given(st.lists(st.tuples(VALUES, VALUES), min_size=1, max_size=20), st.integers(-255, 255))
def test_packed_vectors_add_and_multiply_lane_by_lane(pairs, factor):
    first, second = map(list, zip(*pairs, strict=True))
    packed = lanes.pack(first) + lanes.pack(second) * factor
    assert lanes.unpack(packed, len(pairs)) == tuple(a + b * factor for a, b in pairs)


@pytest.mark.parametrize("extreme", [(1 << 63) - 1, -(1 << 63), -1, 0])
def test_extremes_do_not_leak_into_the_next_lane(extreme):
    assert lanes.unpack(lanes.pack([extreme, 0, extreme]), 3) == (extreme, 0, extreme)


def test_bytes_and_ones_are_lanes_too():
    assert lanes.unpack(lanes.pack_bytes(bytes([0, 7, 255])) - lanes.ones(3), 3) == (-1, 6, 254)
