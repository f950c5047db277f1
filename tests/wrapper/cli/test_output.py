"""What `embed` writes: numbers, NumPy files, and files that are whole or kept aside."""

import contextlib
import io

import numpy as np
import pytest

from inworld_embeddings import ConfigurationError
from inworld_embeddings.cli.lines import Line
from inworld_embeddings.cli.output import Npy, shortest, whole_file


def test_numbers_of_every_size_and_length():
    random = np.random.default_rng(0)
    powers = 2.0 ** np.arange(-149, 128)
    decimals = random.integers(10 ** random.integers(1, 9, 3000)) * 10.0 ** random.integers(-20, 4, 3000)
    usual = random.normal(size=3000) * 10.0 ** random.uniform(-9, 4, 3000)
    numbers = np.concatenate([powers, decimals, usual]).astype(np.float32)
    assert shortest(numbers).tolist() == [float(str(value)) for value in numbers]


@pytest.mark.parametrize("outcomes", ["vv", "xvx", "xx"])
@pytest.mark.parametrize("aside", [None, io.BytesIO])
def test_a_numpy_file_has_a_row_for_each_text(outcomes, aside, capsys):
    file = io.BytesIO()
    with Npy(file, aside and aside()) as writer:
        for number, kind in enumerate(outcomes, 1):
            vector = np.full(3, number, np.float32)
            writer.put(Line(number, "secret"), vector if kind == "v" else ConfigurationError("why"))
    file.seek(0)
    array = np.load(file)
    assert array.dtype == np.float32
    assert "".join("x" if np.isnan(row).all() else "v" for row in array) == outcomes
    assert capsys.readouterr().err.count("ConfigurationError: why") == outcomes.count("x")


@pytest.mark.parametrize("ends", [None, KeyboardInterrupt])
def test_a_file_is_whole_or_kept_under_another_name(tmp_path, ends):
    path = tmp_path / "x.jsonl"
    path.write_text("before")
    with contextlib.suppress(KeyboardInterrupt), whole_file(path) as file:
        file.write(b"after")
        if ends:
            raise ends
    names = {"x.jsonl": "before", "x.jsonl.partial": "after"} if ends else {"x.jsonl": "after"}
    assert {file.name: file.read_text() for file in tmp_path.iterdir()} == names
