"""Derive tests/fixtures/spec/ from the examples of openapi.yaml: `spec_fixtures.py [--check]`.

Each fixture names the JSON pointer of its example and the spec's hash, and says that it was never exchanged live.
Exit codes: 0 they are (now) what the spec says, 1 `--check` found a difference.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

import yaml

from _cassettes import cassette, exchange, serialize
from _files import differences, digest, normalised, read_tree, replace_file

ROOT = Path(__file__).resolve().parent.parent
FIX = "nox -s fixtures"
NEVER_LIVE = "verbatim from the spec's example; never exchanged live"


def derive(spec: Path) -> dict[str, bytes]:
    """Path to content of every fixture, below tests/fixtures/spec/."""
    document = yaml.safe_load(spec.read_text("utf-8"))
    fixtures: dict[str, bytes] = {}
    for path, item in document["paths"].items():
        for method, operation in item.items():
            pointer = f"#/paths/{path.replace('~', '~0').replace('/', '~1')}/{method}"
            fixtures |= _requests(operation, pointer, digest(spec))
            fixtures |= _responses(operation, pointer, digest(spec))
    return fixtures


def _requests(operation: dict[str, Any], pointer: str, spec_hash: str) -> dict[str, bytes]:
    base = "requestBody/content/application~1json/examples"
    examples = operation["requestBody"]["content"]["application/json"]["examples"]
    return {
        f"requests/{name}.json": _json(
            {"metadata": _origin(f"{pointer}/{base}/{name}", spec_hash), "body": example["value"]}
        )
        for name, example in examples.items()
    }


def _responses(operation: dict[str, Any], pointer: str, spec_hash: str) -> dict[str, bytes]:
    """Each response example as a cassette. Its request is made up to fit: the spec pairs no response with a request."""
    fixtures = {}
    for status, response in operation["responses"].items():
        for name, example in (
            response.get("content", {}).get("application/json", {}).get("examples", {}).items()
        ):
            origin = _origin(
                f"{pointer}/responses/{status}/content/application~1json/examples/{name}", spec_hash
            )
            origin["request"] = "made up, with as many inputs as the response has embeddings"
            count = len(example["value"]["embeddings"])
            made = cassette(origin, exchange(_request_of(operation, count), int(status), example["value"]))
            fixtures[f"responses/{name}.json"] = serialize(made).encode()
    return fixtures


def _request_of(operation: dict[str, Any], count: int) -> dict[str, Any]:
    example = operation["requestBody"]["content"]["application/json"]["examples"]["multiple_texts"]["value"]
    return {**example, "inputs": example["inputs"][:count]}


def _origin(pointer: str, spec_hash: str) -> dict[str, str]:
    return {"origin": NEVER_LIVE, "pointer": f"openapi.yaml{pointer}", "spec_sha256": spec_hash}


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def main(argv: list[str]) -> int:
    """Runs the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a fixture differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    options = parser.parse_args(argv)
    home = options.root / "tests" / "fixtures" / "spec"
    wanted = {name: normalised(content) for name, content in derive(options.root / "openapi.yaml").items()}
    changes = differences(read_tree(home), wanted)
    if not changes:
        print("tests/fixtures/spec/ is up to date")
        return 0
    print("\n".join(changes))
    if options.check:
        print(f"tests/fixtures/spec/ is not what openapi.yaml says; run: {FIX}")
        return 1
    for name in read_tree(home).keys() - wanted.keys():
        (home / name).unlink()
    for name, content in wanted.items():
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        replace_file(home / name, content)
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
