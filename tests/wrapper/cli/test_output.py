"""What `embed` writes: numbers, NumPy files, and files that are whole or kept aside."""

import io

import numpy as np
import pytest

from inworld_embeddings import ConfigurationError
from inworld_embeddings.cli.lines import Line
from inworld_embeddings.cli.output import Npy, shortest, whole_file


def test_numbers_of_every_size_and_length():
    random = np.random.default_rng(0)
    powers = np.float32(2.0) ** np.arange(-149, 128, dtype=np.float32)
    decimals = [
        float(f"{random.integers(10**digits)}e{-digits - at}")
        for digits in range(1, 9)
        for at in range(-4, 12)
    ]
    usual = random.normal(size=3000) * 10.0 ** random.uniform(-9, 4, 3000)
    for numbers in (powers, np.array(decimals, np.float32), usual.astype(np.float32)):
        assert shortest(numbers).tolist() == [float(str(value)) for value in numbers]


@pytest.mark.parametrize("outcomes", ["vv", "xvx", "xx"], ids=["all", "some", "none"])
@pytest.mark.parametrize("aside", [False, True])
def test_a_numpy_file_has_a_row_for_each_text(outcomes, aside, capsys):
    file = io.BytesIO()
    with Npy(file, io.BytesIO() if aside else None) as writer:
        for number, kind in enumerate(outcomes, 1):
            bad = ConfigurationError("why")
            writer.put(Line(number, "secret"), np.full(3, number, np.float32) if kind == "v" else bad)
    file.seek(0)
    array = np.load(file)
    assert array.dtype == np.float32
    assert len(array) == len(outcomes)
    assert [number for number, row in enumerate(array) if np.isnan(row).all()] == [
        at for at, kind in enumerate(outcomes) if kind == "x"
    ]
    assert capsys.readouterr().err.count("ConfigurationError: why") == outcomes.count("x")


@pytest.mark.parametrize("ends", [None, KeyboardInterrupt, OSError])
def test_a_file_is_whole_or_kept_under_another_name(tmp_path, ends):
    path = tmp_path / "x.jsonl"
    path.write_text("before")
    try:
        with whole_file(path) as file:
            file.write(b"after")
            if ends:
                raise ends
    except (KeyboardInterrupt, OSError):
        pass
    names = {"x.jsonl": "before", "x.jsonl.partial": "after"} if ends else {"x.jsonl": "after"}
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == names
