import math
import pickle
import subprocess
import sys

import pytest

from inworld_embeddings.errors import ConfigurationError
from inworld_embeddings_emulator.engines import HashEngine


def test_the_vectors_are_these_on_every_python_and_platform():
    assert HashEngine(4).embed(["a", "", "naïve 🦊"]) == [
        [0.7091667, -0.4474205, 0.5061848, -0.2016792],
        [-0.5766087, 0.3576276, -0.7170865, 0.1594109],
        [-0.6622721, -0.2212033, 0.0692133, 0.7125126],
    ]


@pytest.mark.parametrize("dimension", [1, 2, 3, 768, 4096])
def test_any_dimension_gives_unit_vectors_and_its_own_name(dimension):
    engine = HashEngine(dimension)
    vectors = engine.embed([f"text {number}" for number in range(20)])
    assert (engine.name, engine.dimension) == (f"hash-{dimension}", dimension)
    assert {len(vector) for vector in vectors} == {dimension}
    for vector in vectors:
        assert math.hypot(*vector) == pytest.approx(1.0, abs=1e-5)


def test_a_vector_is_its_texts_alone_whatever_came_with_it():
    engine = HashEngine(8)
    assert engine.embed(["x", "y", "x"]) == [*engine.embed(["x"]), *engine.embed(["y"]), *engine.embed(["x"])]
    assert len({tuple(vector) for vector in HashEngine(8).embed([str(n) for n in range(1000)])}) == 1000


def test_it_does_not_depend_on_the_process():
    program = "from inworld_embeddings_emulator.engines import HashEngine; print(HashEngine(2).embed(['a']))"
    runs = {
        subprocess.run(
            [sys.executable, "-c", program], env={"PYTHONHASHSEED": seed}, capture_output=True, text=True
        ).stdout
        for seed in ("1", "2")
    }
    assert runs == {f"{HashEngine(2).embed(['a'])}\n"}


@pytest.mark.parametrize("dimension", [0, -1, True, 2.0, "3", None])
def test_a_dimension_that_is_none_is_refused(dimension):
    with pytest.raises(ConfigurationError):
        HashEngine(dimension)


def test_it_travels_to_other_processes():
    copy = pickle.loads(pickle.dumps(HashEngine(5)))
    assert (copy.name, copy.embed(["a"])) == ("hash-5", HashEngine(5).embed(["a"]))
