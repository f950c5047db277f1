import zlib

import pytest

from inworld_embeddings_emulator.engines import lanes, table


def test_the_file_is_read_back_as_it_is_described():
    half = table.DIMENSION // 2
    scales = tuple(range(table.DIMENSION))
    rows = bytes([0x0F] * half + [0x70] * half)
    body = table.HEADER.pack(2, 6) + "a\n##é".encode() + bytes([1, 255]) + table.SCALES.pack(*scales) + rows
    found = table.Table.parse(body)
    assert found.index == {"a": 0, "##é": 1}
    assert found.weights == b"\x01\xff"
    assert found.scales == scales
    assert lanes.unpack(found.row(0), table.DIMENSION) == (15,) * half + (-15,) * half
    assert lanes.unpack(found.row(1), table.DIMENSION) == (-15,) * half + (-1,) * half


@pytest.fixture(scope="module")
def loaded():
    return table.Table.load()


def test_the_committed_table_is_whole(loaded):
    count = len(loaded.index)
    assert count == len(loaded.weights) > 25_000
    assert len(loaded.rows) == count * table.DIMENSION // 2
    assert min(loaded.weights) > 0
    assert min(loaded.scales) > 0
    assert max(loaded.scales) == 0xFFFF


def test_frequent_words_weigh_less(loaded):
    the, house, algorithm = (loaded.weights[loaded.index[word]] for word in ("the", "house", "algorithm"))
    assert the < house / 10 < house < algorithm


def test_a_damaged_file_is_noticed(monkeypatch, tmp_path):
    packed = bytearray(zlib.compress(b"x" * 1000))
    packed[-1] ^= 1
    damaged = tmp_path / "table.bin"
    damaged.write_bytes(packed)
    monkeypatch.setattr(table, "FILE", damaged)
    with pytest.raises(zlib.error):
        table.Table.load()
