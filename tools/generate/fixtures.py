"""Derive tests/fixtures/spec/ from the examples of openapi.yaml.

Each fixture names the JSON pointer of its example (through references, if there are any), and says that it was never
exchanged live.
"""

import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

from inworld_embeddings._settings import DEFAULT_BASE_URL
from inworld_embeddings_emulator.handle import EMBED_PATH
from tools import ToolError, contents, replaced
from tools.generate.package import Inputs
from tools.spec.document import JSON, escape, expanded

HOME = "tests/fixtures/spec"
ENDPOINT = f"{DEFAULT_BASE_URL}{EMBED_PATH}"
REDACTED = "REDACTED"
NEVER_LIVE = "verbatim from the spec's example; never exchanged live"
MADE_UP = "made up, with as many inputs as the response has embeddings"  # the spec pairs them with nothing


def write(root: Path, *, check: bool = False, replace: bool = False) -> list[str]:
    """Bring the fixtures up to date, unless only checking, and return a line for each that differed.

    That the spec lacks the example of a fixture there is, is refused unless `replace`.
    """
    document = Inputs(root).document
    fixtures = {name: text.encode() for name, text in derive(document).items()}
    lost = sorted(contents(root / HOME).keys() - fixtures.keys())
    if lost and EMBED_PATH not in document["paths"] and not check:
        raise ToolError(f"the spec has no {EMBED_PATH}; first change what *reliance* names")
    if lost and not (check or replace):
        raise ToolError(f"the spec lacks the examples of {', '.join(lost)}; if they are gone: --replace")
    return replaced(root / HOME, fixtures, check=check)


def derive(document: dict[str, Any]) -> dict[str, str]:
    """Path to text of every fixture, below tests/fixtures/spec/: those of the operation that cassettes are of."""
    operation = expanded(document)["paths"].get(EMBED_PATH, {}).get("post", {})
    pointer = f"openapi.yaml#/paths/{escape(EMBED_PATH)}/post/{{}}/content/{escape(JSON)}/examples/{{}}"
    requests, fixtures = _examples(operation.get("requestBody", {})), dict[str, str]()
    for name, body in requests.items():
        origin = {"origin": NEVER_LIVE, "pointer": pointer.format("requestBody", name)}
        fixtures[f"requests/{name}.json"] = serialize({"metadata": origin, "body": body})
    first: dict[str, Any] = next(iter(requests.values()), {})
    for name, body in _examples(operation.get("responses", {}).get("200", {})).items():
        if "inputs" in first and isinstance(body, dict) and "embeddings" in body:
            place = pointer.format("responses/200", name)
            origin = {"origin": NEVER_LIVE, "pointer": place, "request": MADE_UP}
            sent = compact({**first, "inputs": first["inputs"][:1] * len(body["embeddings"])})
            made = cassette(origin, ENDPOINT, sent, 200, {"Content-Type": JSON}, compact(body))
            fixtures[f"responses/{name}.json"] = serialize(made)
    return fixtures


def _examples(side: dict[str, Any]) -> dict[str, Any]:
    """The examples of a side; a name of theirs becomes a file's."""
    found = side.get("content", {}).get(JSON, {}).get("examples", {})
    return {quote(name, safe=" "): example["value"] for name, example in found.items() if "value" in example}


def serialize(fixture: dict[str, Any]) -> str:
    """The text of a fixture; a cassette's is vcrpy's JSON."""
    return json.dumps(fixture, indent=1, ensure_ascii=False) + "\n"


def compact(body: Any) -> str:
    """The text of a body, as it is sent."""
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def cassette(
    origin: dict[str, str], url: str, sent: str, status: int, headers: dict[str, str], received: str
) -> dict[str, Any]:
    """A cassette of one exchange; ``origin`` says where it came from, ``headers`` are the response's."""
    told = {"content-type": [JSON], "authorization": [REDACTED]}
    request = {"method": "POST", "uri": url, "body": sent, "headers": told}
    response = {
        "status": {"code": status, "message": ""},
        "headers": {name: [value] for name, value in headers.items()},
        "body": {"string": received},
    }
    return {"version": 1, "metadata": origin, "interactions": [{"request": request, "response": response}]}
