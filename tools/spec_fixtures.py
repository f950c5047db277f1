"""Derive tests/fixtures/spec/ from the examples of openapi.yaml: `spec_fixtures.py [--check]`.

Each fixture names the JSON pointer of its example and the spec's hash, and says that it was never exchanged live.
Exit codes: 0 they are (now) what the spec says, 1 `--check` found a difference.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from _cassettes import cassette, exchange, serialize
from _document import escape, load
from _files import differences, digest, normalised, read_tree, replace_file
from _page import operations_of

ROOT = Path(__file__).resolve().parent.parent
HOME = "tests/fixtures/spec"
FIX = "nox -s fixtures"
NEVER_LIVE = "verbatim from the spec's example; never exchanged live"


def derive(spec: Path) -> dict[str, bytes]:
    """Path to content of every fixture, below tests/fixtures/spec/."""
    document = load(spec.read_text("utf-8"))
    fixtures: dict[str, bytes] = {}
    for operation in sorted(operations_of(document)):
        described = document["paths"][operation.path][operation.method]
        pointer = f"#/paths/{escape(operation.path)}/{operation.method}"
        fixtures |= _requests(described, pointer, digest(spec))
        fixtures |= _responses(described, pointer, digest(spec))
    return fixtures


def _examples(described: dict[str, Any]) -> dict[str, Any]:
    """Name to value of the JSON examples of a request body or a response that are written out in the spec."""
    found = described.get("content", {}).get("application/json", {}).get("examples", {})
    return {name: example["value"] for name, example in found.items() if "value" in example}


def _requests(operation: dict[str, Any], pointer: str, spec_hash: str) -> dict[str, bytes]:
    base = "requestBody/content/application~1json/examples"
    return {
        f"requests/{name}.json": _json(
            {"metadata": _origin(f"{pointer}/{base}/{name}", spec_hash), "body": value}
        )
        for name, value in _examples(operation.get("requestBody", {})).items()
    }


def _responses(operation: dict[str, Any], pointer: str, spec_hash: str) -> dict[str, bytes]:
    """Each embeddings example as a cassette. Its request is made up to fit: the spec pairs no response with a request."""
    fixtures = {}
    for name, value in _examples(operation["responses"].get("200", {})).items():
        if (request := _request_of(operation, value)) is None:
            continue
        base = "responses/200/content/application~1json/examples"
        origin = _origin(f"{pointer}/{base}/{name}", spec_hash)
        origin["request"] = "made up, with as many inputs as the response has embeddings"
        made = cassette(origin, exchange(request, 200, value))
        fixtures[f"responses/{name}.json"] = serialize(made).encode()
    return fixtures


def _request_of(operation: dict[str, Any], answer: Any) -> dict[str, Any] | None:
    """A request with as many inputs as the answer has embeddings, cut from the first example that is long enough."""
    if not isinstance(answer, dict) or "embeddings" not in answer:
        return None
    count = len(answer["embeddings"])
    examples = _examples(operation.get("requestBody", {}))
    preferred = [examples[name] for name in ("multiple_texts",) if name in examples]
    for example in (*preferred, *examples.values()):
        if len(example.get("inputs", ())) >= count:
            return {**example, "inputs": example["inputs"][:count]}
    return None


def _origin(pointer: str, spec_hash: str) -> dict[str, str]:
    return {"origin": NEVER_LIVE, "pointer": f"openapi.yaml{pointer}", "spec_sha256": spec_hash}


def _json(value: object) -> bytes:
    return (json.dumps(value, indent=1, ensure_ascii=False) + "\n").encode()


def write(root: Path, *, check: bool = False) -> list[str]:
    """Bring the fixtures up to date, unless only checking, and return what differed."""
    home = root / HOME
    wanted = {name: normalised(content) for name, content in derive(root / "openapi.yaml").items()}
    there = read_tree(home)
    changes = differences(there, wanted)
    if check:
        return changes
    for name in there.keys() - wanted.keys():
        (home / name).unlink()
    for name in wanted.keys() - {name for name, content in there.items() if wanted.get(name) == content}:
        (home / name).parent.mkdir(parents=True, exist_ok=True)
        replace_file(home / name, wanted[name])
    return changes


def main(argv: list[str]) -> int:
    """Runs the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a fixture differs")
    parser.add_argument("--root", type=Path, default=ROOT, help="the project's folder")
    options = parser.parse_args(argv)
    changes = write(options.root, check=options.check)
    if not changes:
        print("tests/fixtures/spec/ is up to date")
        return 0
    print("\n".join(changes))
    if options.check:
        print(f"tests/fixtures/spec/ is not what openapi.yaml says; run: {FIX}")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
