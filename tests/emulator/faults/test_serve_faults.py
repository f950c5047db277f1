"""`serve --fault --seed --chaos` as a program."""

import re

import httpx

from support.programs import serve

ADMIN = "/_emulator/faults"
PATH = "/ml/v1alpha/embedding:embed"


def test_a_script_at_the_start_and_calls_to_change_it():
    with serve("--fault", "status=503 x2, ok", "--seed", "7", "--chaos") as running:
        lines = []
        while not lines or not lines[-1].startswith("Chaos"):
            lines.append(running.stdout.readline())
        assert lines[-2] == "Faults: status=503 x2, ok (seed 7)\n"
        url = re.fullmatch(r"Chaos is on: .* (http://127.0.0.1:\d+)/_emulator/faults\n", lines[-1])[1]
        with httpx.Client(base_url=url, auth=("local", "local")) as client:
            assert [client.post(PATH, json={}).status_code for _ in range(3)] == [503, 503, 200]
            told = {"faults": "status=503 x2, ok", "seed": 7, "requests": 3, "injected": {"status=503": 2}}
            assert client.get(ADMIN).json() == told
        running.terminate()


def test_a_wrong_script_ends_it_with_one_line():
    out, err = serve("--fault", "sttus=503").communicate(timeout=20)
    assert out == ""
    assert re.fullmatch(
        r"error: faults, at character 1: 'sttus' is not a fault; did you mean status\?.*\n", err
    )


def test_the_real_api_gets_no_faults():
    _, err = serve("--openai", "--upstream", "--fault", "drop").communicate(timeout=20)
    assert "not for --upstream" in err
