"""Derive tests/fixtures/spec/ from the examples of openapi.yaml: `python -m tools.generate.fixtures [--check] [--replace]`.

Each fixture names the JSON pointer of its example (through references, if there are any), and says that it was never
exchanged live. Exit codes: 0 they are (now) what the spec says, 1 `--check` found a difference, 2 an example is gone.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from tools import ToolError
from tools.generate.inputs import Inputs
from tools.generate.package import replaced, told
from tools.spec.document import escape
from tools.spec.schema import JSON, expanded

ROOT = Path(__file__).resolve().parents[2]
HOME = "tests/fixtures/spec"
ENDPOINT = "https://api.inworld.ai/ml/v1alpha/embedding:embed"
REDACTED = "REDACTED"
NEVER_LIVE = "verbatim from the spec's example; never exchanged live"
MADE_UP = "made up, with as many inputs as the response has embeddings"  # the spec pairs them with nothing


def write(root: Path, *, check: bool = False, replace: bool = False) -> list[str]:
    """Bring the fixtures up to date, unless only checking, and return a line for each that differed.

    Raises:
        ToolError: The spec is not valid, or (unless `check` or `replace`) lacks the example of a fixture there is.
    """
    fixtures = derive(Inputs(root).document)
    there = {path.relative_to(root / HOME).as_posix() for path in (root / HOME).rglob("*.json")}
    if (lost := sorted(there - fixtures.keys())) and not (check or replace):
        raise ToolError(
            f"the spec lacks the examples of {', '.join(lost)}; --replace if they are really gone"
        )
    with tempfile.TemporaryDirectory() as scratch:
        made = Path(scratch) / "spec"
        for name, text in fixtures.items():
            (made / name).parent.mkdir(parents=True, exist_ok=True)
            (made / name).write_bytes(text.encode())
        return replaced(root / HOME, made, check=check)


def derive(document: dict[str, Any]) -> dict[str, str]:
    """Path to text of every fixture, below tests/fixtures/spec/: those of the operation that cassettes are of."""
    path = urlsplit(ENDPOINT).path
    operation = expanded(document)["paths"].get(path, {}).get("post", {})
    requests = _examples(operation.get("requestBody", {}))
    responses = _examples(operation.get("responses", {}).get("200", {}))

    def origin(name: str, part: str) -> dict[str, str]:
        pointer = f"openapi.yaml#/paths/{escape(path)}/post/{part}/content/{escape(JSON)}/examples/{name}"
        return {"origin": NEVER_LIVE, "pointer": pointer}

    fixtures = {
        f"requests/{name}.json": serialize({"metadata": origin(name, "requestBody"), "body": value})
        for name, value in requests.items()
    }
    for name, value in responses.items():
        if request := _request_for(value, requests):
            metadata = origin(name, "responses/200") | {"request": MADE_UP}
            fixtures[f"responses/{name}.json"] = serialize(cassette(metadata, request, value))
    return fixtures


def _examples(side: dict[str, Any]) -> dict[str, Any]:
    """The examples of a side; a name of theirs becomes a file's."""
    found = side.get("content", {}).get(JSON, {}).get("examples", {})
    return {quote(name, safe=" "): example["value"] for name, example in found.items() if "value" in example}


def _request_for(response: Any, requests: dict[str, Any]) -> dict[str, Any] | None:
    """A request with as many inputs as the response has embeddings, cut from the first example that is long enough."""
    if not isinstance(response, dict) or "embeddings" not in response:
        return None
    count = len(response["embeddings"])
    for name in sorted(requests, key=lambda name: name != "multiple_texts"):
        if len(requests[name].get("inputs", ())) >= count:
            return {**requests[name], "inputs": requests[name]["inputs"][:count]}
    return None


def serialize(cassette: dict[str, Any]) -> str:
    """The text of a fixture; a cassette's is vcrpy's JSON."""
    return json.dumps(cassette, indent=1, ensure_ascii=False) + "\n"


def cassette(origin: dict[str, str], request: dict[str, Any], response: dict[str, Any]) -> dict[str, Any]:
    """A cassette of one good exchange that was never recorded; ``origin`` says where it came from."""
    sent, received = (
        json.dumps(body, ensure_ascii=False, separators=(",", ":")) for body in (request, response)
    )
    exchange = {
        "request": {
            "method": "POST",
            "uri": ENDPOINT,
            "body": sent,
            "headers": {"content-type": ["application/json"], "authorization": [REDACTED]},
        },
        "response": {
            "status": {"code": 200, "message": ""},
            "headers": {"Content-Type": ["application/json"]},
            "body": {"string": received},
        },
    }
    return {"version": 1, "metadata": origin, "interactions": [exchange]}


def main(argv: list[str]) -> int:
    """Run the program; see the module's docstring for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--check", action="store_true", help="change nothing; exit 1 if a fixture differs")
    parser.add_argument("--replace", action="store_true", help="go on though an example is gone")
    options = parser.parse_args(argv)
    try:
        changes = write(ROOT, check=options.check, replace=options.replace)
    except (ToolError, OSError) as error:
        print(f"{error}\n{HOME}/ was left as it was", file=sys.stderr)
        return 2
    return told(HOME, changes, check=options.check, fix="nox -s fixtures")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
