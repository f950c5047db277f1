"""Derive tests/fixtures/spec/ from the examples of openapi.yaml: `python -m tools.generate.fixtures [--check]`.

Each fixture names the JSON pointer of its example and the spec's hash, and says that it was never exchanged live.
Exit codes: 0 they are (now) what the spec says, 1 `--check` found a difference.
"""

import argparse
import shutil
import sys
import tempfile
from pathlib import Path
from typing import Any

from tools.cassettes import cassette, exchange, serialize
from tools.generate.inputs import digest
from tools.generate.package import differences
from tools.spec.document import escape, load, operations_of

ROOT = Path(__file__).resolve().parents[2]
HOME = "tests/fixtures/spec"
FIX = "nox -s fixtures"
NEVER_LIVE = "verbatim from the spec's example; never exchanged live"


def write(root: Path, *, check: bool = False) -> list[str]:
    """Bring the fixtures up to date, unless only checking, and return a line for each that differed."""
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "spec"
        for name, text in derive(root / "openapi.yaml").items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(text.encode())
        changes = differences(root / HOME, made)
        if changes and not check:
            shutil.rmtree(root / HOME, ignore_errors=True)
            shutil.copytree(made, root / HOME)
    return changes


def derive(spec: Path) -> dict[str, str]:
    """Path to text of every fixture, below tests/fixtures/spec/."""
    document = load(spec.read_text("utf-8"))
    fixtures: dict[str, str] = {}
    for operation, described in sorted(operations_of(document).items()):
        pointer = f"#/paths/{escape(operation.path)}/{operation.method}"
        fixtures |= _requests(described, pointer, digest(spec))
        fixtures |= _responses(described, pointer, digest(spec))
    return fixtures


def _examples(described: dict[str, Any]) -> dict[str, Any]:
    """Name to value of the JSON examples of a request body or a response that are written out in the spec."""
    found = described.get("content", {}).get("application/json", {}).get("examples", {})
    return {name: example["value"] for name, example in found.items() if "value" in example}


def _requests(operation: dict[str, Any], pointer: str, spec_hash: str) -> dict[str, str]:
    base = "requestBody/content/application~1json/examples"
    return {
        f"requests/{name}.json": serialize(
            {"metadata": _origin(f"{pointer}/{base}/{name}", spec_hash), "body": value}
        )
        for name, value in _examples(operation.get("requestBody", {})).items()
    }


def _responses(operation: dict[str, Any], pointer: str, spec_hash: str) -> dict[str, str]:
    """Each embeddings example as a cassette. Its request is made up to fit: the spec pairs no response with a request."""
    fixtures = {}
    for name, value in _examples(operation["responses"].get("200", {})).items():
        if (request := _request_of(operation, value)) is None:
            continue
        base = "responses/200/content/application~1json/examples"
        origin = _origin(f"{pointer}/{base}/{name}", spec_hash)
        origin["request"] = "made up, with as many inputs as the response has embeddings"
        made = cassette(origin, exchange(request, 200, value))
        fixtures[f"responses/{name}.json"] = serialize(made)
    return fixtures


def _request_of(operation: dict[str, Any], response: Any) -> dict[str, Any] | None:
    """A request with as many inputs as the response has embeddings, cut from the first example that is long enough."""
    if not isinstance(response, dict) or "embeddings" not in response:
        return None
    count = len(response["embeddings"])
    examples = _examples(operation.get("requestBody", {}))
    preferred = [examples[name] for name in ("multiple_texts",) if name in examples]
    for example in (*preferred, *examples.values()):
        if len(example.get("inputs", ())) >= count:
            return {**example, "inputs": example["inputs"][:count]}
    return None


def _origin(pointer: str, spec_hash: str) -> dict[str, str]:
    return {"origin": NEVER_LIVE, "pointer": f"openapi.yaml{pointer}", "spec_sha256": spec_hash}


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a fixture differs")
    check = parser.parse_args(argv).check
    changes = write(ROOT, check=check)
    drifted = bool(changes) and check
    if drifted:
        changes.append(f"{HOME}/ is not what openapi.yaml says; run: {FIX}")
    print("\n".join(changes) or f"{HOME}/ is up to date")
    return int(drifted)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
