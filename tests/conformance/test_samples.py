"""The spec's own samples, as they are published, against `serve`: only the address and the key are put in."""

import ast
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

KEY = "bG9jYWw6bG9jYWw="
SPEC = yaml.safe_load((Path(__file__).resolve().parents[2] / "openapi.yaml").read_text("utf-8"))
OPERATION = SPEC["paths"]["/ml/v1alpha/embedding:embed"]["post"]
SAMPLES = {sample["lang"]: sample["source"] for sample in OPERATION["x-codeSamples"]}


@pytest.fixture
def sample(served):
    def find(language):
        assert "https://api.inworld.ai/ml/v1alpha/embedding:embed" in SAMPLES[language]
        return SAMPLES[language].replace("https://api.inworld.ai", served).replace("<api-key>", KEY)

    return find


def run(*command):
    done = subprocess.run(command, capture_output=True, text=True, env=os.environ | {"INWORLD_API_KEY": KEY})
    assert done.returncode == 0, done.stderr
    return done.stdout


def check(answer):
    [entry] = answer["embeddings"]
    assert len(entry["values"]) == 768


@pytest.mark.skipif(not (shutil.which("curl") and shutil.which("bash")), reason="curl is not installed")
def test_the_curl_sample(sample):
    check(json.loads(run("bash", "-c", sample("bash"))))


def test_the_python_sample(sample):
    pytest.importorskip("requests", reason="nox -s conformance installs requests")
    check(ast.literal_eval(run(sys.executable, "-c", sample("python"))))


@pytest.mark.skipif(not shutil.which("node"), reason="Node.js is not installed")
def test_the_javascript_sample(sample):
    whole = sample("javascript").replace("console.log(data)", "console.log(JSON.stringify(data))")
    check(json.loads(run("node", "--input-type=module", "-e", whole)))
