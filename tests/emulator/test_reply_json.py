import json
import random

import pytest

from inworld_embeddings_emulator.reply_json import embeddings_body


def test_empty():
    assert embeddings_body([]) == b'{"embeddings":[]}'


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (0.0, "0"),
        (-0.0, "-0"),
        (1.0, "1"),
        (-1.0, "-1"),
        (100.0, "100"),
        (10.05, "10.05"),
        (0.1234567, "0.1234567"),
        (1e-7, "1e-7"),
    ],
)
def test_text_of_a_number_wherever_it_stands(value, text):
    expected = f'{{"embeddings":[{{"values":[{text},{text},{text}]}},{{"values":[{text}]}}]}}'
    assert embeddings_body([[value] * 3, [value]]).decode() == expected


def test_every_number_survives():
    rng = random.Random(7)
    vectors = [[round(rng.gauss(0, 0.04), 7) for _ in range(768)] for _ in range(3)]
    vectors[1][:3] = [rng.random(), rng.random() * 1e-30, 5e-324]
    assert json.loads(embeddings_body(vectors)) == {"embeddings": [{"values": vector} for vector in vectors]}


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf"), None])
def test_what_is_not_finite_is_refused(value):
    with pytest.raises(ValueError, match="finite"):
        embeddings_body([[0.5, value]])
