"""The page's pure functions under Node.js, compared with numpy and run as what they say they are."""

import json
import os
import shutil
import subprocess
import sys

import httpx
import numpy as np
import pytest

from inworld_embeddings.ranking import rank
from inworld_embeddings_emulator import EmulatorServer
from inworld_embeddings_emulator.playground import page_files

RANDOM = np.random.default_rng(5)
SHAPES = [(2, 3), (3, 768), (7, 4), (12, 2), (50, 64)]
NASTY = [
    """it's "quoted" \\ and \\n $HOME `id` $(id) !! % * ; & | < >""",
    "@file",
    "日本語 🙂 \u2028 \u2029 \x7f \u00a0 \ufeff",
    "'''",
    '"""',
    "{x}",
    "<img src=x onerror=alert(1)>",
]


@pytest.fixture(scope="session")
def modules(tmp_path_factory):
    """The page's modules where Node.js takes them for modules."""
    if not shutil.which("node"):
        pytest.skip("Node.js is not installed")
    folder = tmp_path_factory.mktemp("modules")
    for path, content in page_files().items():
        (folder / (path.rpartition("/")[2] or "index.html")).write_bytes(content)
    (folder / "package.json").write_text('{"type": "module"}')
    return folder


@pytest.fixture
def js(modules):
    """What a module's function returns: ``js("vectors.cosine", a, b)``."""

    def call(function, *arguments):
        module, _, name = function.partition(".")
        program = (
            f"import {{ readFileSync }} from 'node:fs'; import {{ {name} }} from './{module}.js';"
            f"const back = {name}(...JSON.parse(readFileSync(0)));"
            "process.stdout.write(JSON.stringify({ back }))"
        )
        command = ["node", "--input-type=module", "-e", program]
        pipes = {"input": json.dumps(arguments), "capture_output": True, "encoding": "utf-8"}
        done = subprocess.run(command, cwd=modules, **pipes)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)["back"]

    return call


def rows(shape):
    return RANDOM.normal(size=shape).tolist()


@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_similarities_ranking_and_map_are_pythons(js, shape):
    query, vectors = rows(shape[1]), rows(shape)
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    np.testing.assert_allclose(js("vectors.similarities", vectors), unit @ unit.T, atol=1e-12)
    twice = [*vectors, vectors[0]]  # equal ones keep their order
    expected, found = rank(np.array(query), np.array(twice)), js("vectors.rank", query, twice)
    assert [entry["index"] for entry in found] == [index for index, _ in expected]
    np.testing.assert_allclose(
        [entry["score"] for entry in found], [score for _, score in expected], atol=1e-6
    )
    left, sizes, _ = np.linalg.svd(unit - unit.mean(axis=0), full_matrices=False)
    found = js("vectors.plane", vectors)
    points, components = (
        np.array([[point["x"], point["y"]] for point in found["points"]]),
        (left * sizes)[:, :2],
    )
    signs = np.sign((points * components).sum(axis=0))
    np.testing.assert_allclose(points, components * np.where(signs == 0, 1, signs), atol=1e-6)
    assert found["kept"] == pytest.approx((sizes[:2] ** 2).sum() / (sizes**2).sum())
    assert (points[np.abs(points).argmax(axis=0), [0, 1]] >= 0).all()


def test_zeros_are_similar_to_nothing_and_what_does_not_differ_is_one_point(js):
    assert js("vectors.similarities", [[0, 0], [1, 2]])[0] == [0, 0]
    for vectors in ([[1, 2]], [[1, 2]] * 3, [[0, 0], [0, 0]], [[1], [2]]):
        points = [{"x": 0, "y": 0}] * len(vectors)
        assert js("vectors.plane", vectors) == {"points": points, "kept": 1}


@pytest.mark.parametrize(("width", "height"), [(300, 220), (700, 420)])
def test_all_points_are_inside_at_one_scale(js, width, height):
    points = [{"x": x, "y": y} for x, y in rows((20, 2))]
    placed = js("results.placed", points, width, height)
    assert all(0 < point["x"] < width and 0 < point["y"] < height for point in placed)
    scales = [(at["x"] - width / 2) / point["x"] for at, point in zip(placed, points, strict=True)]
    scales += [(height / 2 - at["y"]) / point["y"] for at, point in zip(placed, points, strict=True)]
    np.testing.assert_allclose(scales, scales[0])


def test_the_box_is_bounded_and_says_so(js):
    for value, texts, left in (
        ("", [], 0),
        ("a\n\n  b \r\n\tc", ["a", "b", "c"], 0),
        ("\n".join(map(str, range(60))), [str(n) for n in range(50)], 10),
        ("a\n" + "b" * 49_999, ["a", "b" * 49_999], 0),
        ("a\n" + "b" * 50_000 + "\nc", ["a"], 2),
    ):
        found = js("request.textsOf", value)
        assert found == {"texts": texts, "left": left}
        assert (f"{left} left out" in js("request.counted", found)) is (left > 0)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ("nonsense", "not JSON"),
        ('{"embeddings": {}}', "no list of embeddings"),
        ('{"embeddings": [{"values": [1, 2]}]}', "2 texts were sent, 1 vectors came back"),
        ('{"embeddings": [{"values": [1, 2]}, {"values": [1]}]}', "Vector 2 has 1 dimensions"),
        ('{"embeddings": [{"values": [1, null]}, {"values": [1, 2]}]}', "Vector 1 has parts"),
        ('{"embeddings": [{"values": [1, 1e999]}, {"values": [1, 2]}]}', "Vector 1 has parts"),
        ('{"embeddings": [null, {"values": [1, 2]}]}', "Vector 1 has parts"),
    ],
)
def test_a_wrong_answer_is_never_shown(js, body, said):
    with pytest.raises(AssertionError, match=said):
        js("api.checked", body, 2, 2)


def test_a_good_answer_is_and_a_key_is_taken_plain_and_in_base64(js):
    assert js("api.checked", '{"embeddings": [{"values": [1, 2]}]}', 1, 2) == [[1, 2]]
    for key, credential in (
        ("local:local", "bG9jYWw6bG9jYWw="),
        (" bG9jYWw6bG9jYWw= ", "bG9jYWw6bG9jYWw="),
        ("ü:é", "w7w6w6k="),
    ):
        assert js("api.credential", key) == credential


@pytest.mark.parametrize("fault", ["", "latency=1ms"])
def test_the_curl_command_and_the_python_program_run_whatever_the_texts(js, emulator, fault):
    with EmulatorServer(emulator) as served:
        run_both(js, served, fault)


def run_both(js, served, fault):
    url = f"{served.url}/ml/v1alpha/embedding:embed"
    body = {"inputs": [{"text": text} for text in NASTY]}
    embeddings = httpx.post(url, json=body, auth=("local", "local")).json()["embeddings"]
    request = {"base": served.url, "url": url, "key": "local:local", "fault": fault, "texts": NASTY}
    program = js("request.python", request)
    program += "print(result.vectors.tolist() == __import__('json').loads(input()))\n"
    expected = [np.array(entry["values"], "f4").tolist() for entry in embeddings]
    path = {"PYTHONPATH": os.pathsep.join(sys.path), "PYTHONIOENCODING": "utf-8"}
    command = [sys.executable, "-W", "error", "-c", program]
    pipes = {"capture_output": True, "encoding": "utf-8"}
    done = subprocess.run(command, input=str(expected), env={**os.environ, **path}, **pipes)
    assert done.stdout.split("\n")[:2] == ["(7, 8) hash-8", "True"], done.stderr
    if shutil.which("curl") and os.name != "nt":  # the command is written for a POSIX shell
        command = js("request.curl", {**request, "body": js("api.bodyOf", NASTY)})
        done = subprocess.run(["sh", "-c", command], **pipes)
        assert json.loads(done.stdout)["embeddings"] == embeddings, done.stderr


def test_a_key_of_ones_own_is_in_neither(js):
    request = {"url": "u", "base": "u", "body": "{}", "texts": [], "key": None, "fault": "drop"}
    assert "$INWORLD_API_KEY" in js("request.curl", request)
    program = js("request.python", request)
    assert "INWORLD_API_KEY" in program
    assert "api_key" not in program
