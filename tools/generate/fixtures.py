"""Derive tests/fixtures/spec/ from the examples of openapi.yaml: `python -m tools.generate.fixtures [--check]`.

Each fixture names the JSON pointer of its example and the spec's hash, and says that it was never exchanged live.
Exit codes: 0 they are (now) what the spec says, 1 `--check` found a difference.
"""

import argparse
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.cassettes import cassette, serialize
from tools.generate.inputs import digest
from tools.generate.package import replaced, told
from tools.spec.document import escape, load, operations_of

ROOT = Path(__file__).resolve().parents[2]
HOME = "tests/fixtures/spec"
NEVER_LIVE = "verbatim from the spec's example; never exchanged live"
MADE_UP = "made up, with as many inputs as the response has embeddings"  # the spec pairs them with nothing


def write(root: Path, *, check: bool = False) -> list[str]:
    """Bring the fixtures up to date, unless only checking, and return a line for each that differed."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "spec"
        for name, text in derive(root / "openapi.yaml").items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(text.encode())
        return replaced(root / HOME, made, check=check)


def derive(spec: Path) -> dict[str, str]:
    """Path to text of every fixture, below tests/fixtures/spec/."""
    fixtures: dict[str, str] = {}
    for operation, described in sorted(operations_of(load(spec.read_text("utf-8"))).items()):
        home = f"openapi.yaml#/paths/{escape(operation.path)}/{operation.method}"

        def origin(name: str, part: str, home: str = home) -> dict[str, str]:
            pointer = f"{home}/{part}/content/application~1json/examples/{name}"
            return {"origin": NEVER_LIVE, "pointer": pointer, "spec_sha256": digest(spec)}

        requests = _examples(described.get("requestBody", {}))
        for name, value in requests.items():
            made = {"metadata": origin(name, "requestBody"), "body": value}
            fixtures[f"requests/{name}.json"] = serialize(made)
        for name, value in _examples(described["responses"].get("200", {})).items():
            if request := _request_for(value, requests):
                made = cassette(origin(name, "responses/200") | {"request": MADE_UP}, request, value)
                fixtures[f"responses/{name}.json"] = serialize(made)
    return fixtures


def _examples(described: dict[str, Any]) -> dict[str, Any]:
    """Name to value of the JSON examples of a request body or a response that are written out in the spec."""
    found = described.get("content", {}).get("application/json", {}).get("examples", {})
    return {name: example["value"] for name, example in found.items() if "value" in example}


def _request_for(response: Any, requests: dict[str, Any]) -> dict[str, Any] | None:
    """A request with as many inputs as the response has embeddings, cut from the first example that is long enough."""
    if not isinstance(response, dict) or "embeddings" not in response:
        return None
    count = len(response["embeddings"])
    for name in sorted(requests, key=lambda name: name != "multiple_texts"):
        if len(requests[name].get("inputs", ())) >= count:
            return {**requests[name], "inputs": requests[name]["inputs"][:count]}
    return None


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a fixture differs")
    check = parser.parse_args(argv).check
    return told(HOME, write(ROOT, check=check), check=check, fix="nox -s fixtures")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
