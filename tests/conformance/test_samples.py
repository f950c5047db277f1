"""The spec's own samples, as they are published, against `serve`: only the address and the key are put in."""

import ast
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

SPEC = yaml.safe_load((Path(__file__).resolve().parents[2] / "openapi.yaml").read_text("utf-8"))
OPERATION = SPEC["paths"]["/ml/v1alpha/embedding:embed"]["post"]
SAMPLES = {sample["lang"]: sample["source"] for sample in OPERATION["x-codeSamples"]}
PROGRAMS = {
    "bash": ["bash", "-c"],
    "python": [sys.executable, "-c"],
    "javascript": ["node", "--input-type=module", "-e"],
}


@pytest.mark.parametrize("language", SAMPLES)
def test_the_sample_gets_a_vector(language, served):
    program, *options = PROGRAMS[language]
    if not (shutil.which(program) and shutil.which("curl")):
        pytest.skip(f"{program} or curl is not installed")
    if language == "python":
        pytest.importorskip("requests", reason="nox -s conformance installs requests")
    text, key = (
        SAMPLES[language].replace("console.log(data)", "console.log(JSON.stringify(data))"),
        "bG9jYWw6bG9jYWw=",
    )
    assert "https://api.inworld.ai/ml/v1alpha/embedding:embed" in text
    text = text.replace("https://api.inworld.ai", served).replace("<api-key>", key)
    environment = os.environ | {"INWORLD_API_KEY": key}
    done = subprocess.run([program, *options, text], capture_output=True, text=True, env=environment)
    assert done.returncode == 0, done.stderr
    (entry,) = ast.literal_eval(done.stdout)["embeddings"]
    assert len(entry["values"]) == 768
