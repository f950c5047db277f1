"""Record tests/fixtures/recorded/ from the real service: `python -m tools.record [--out FOLDER] [--base-url URL]`.

Sends the spec's request examples and a few wrong ones with your key, and writes what came back, without the key,
without cookies, and without anything but a few response headers. A recording that still holds a piece of the key is not
written. Nothing else may write into that folder.
"""

import argparse
import base64
import json
import os
import sys
from pathlib import Path
from typing import Any

from inworld_embeddings_client import AuthenticatedClient, EmbedRequest
from inworld_embeddings_client.api.embedding_service import embedding_service_embed as endpoint
from tools.generate.fixtures import cassette, serialize

ROOT = Path(__file__).resolve().parent.parent
KEPT_HEADERS = {"content-type", "date", "retry-after", "x-inworld-request-id", "x-inworld-emulator-engine"}
"""Everything else is dropped before it is written: cookies and traces do not belong into a repository."""
UNKNOWN_KEY = base64.b64encode(b"no-such-key:no-such-secret").decode()


def scenarios(root: Path) -> dict[str, tuple[dict[str, Any], bool]]:
    """Name to request body, and whether it goes with the real key."""
    found: dict[str, tuple[dict[str, Any], bool]] = {
        path.stem: (json.loads(path.read_text("utf-8"))["body"], True)
        for path in sorted((root / "tests/fixtures/spec/requests").glob("*.json"))
    }
    single = found["single_text"][0]
    return found | {
        "unknown_key": (single, False),
        "no_inputs": ({**single, "inputs": []}, True),
        "empty_text": ({**single, "inputs": [{"text": ""}]}, True),
        "unknown_model": ({**single, "model": {**single["model"], "model": "no/such-model"}}, True),
    }


def record(name: str, body: dict[str, Any], key: str, base_url: str, out: Path, secrets: list[str]) -> None:
    """Makes one exchange and writes its cassette, if nothing of the key is left in it."""
    with AuthenticatedClient(base_url=base_url, token=key) as client:
        response = endpoint.sync_raw(client=client, body=EmbedRequest.from_dict(body))
    kept = {name: value for name, value in response.headers.items() if name in KEPT_HEADERS}
    origin = {"origin": f"recorded from {base_url}", "scenario": name}
    sent = response.request.content.decode()
    url = str(response.request.url)
    text = serialize(cassette(origin, url, sent, response.status_code, kept, response.text))
    if any(secret in text for secret in secrets):
        raise SystemExit(f"{name}: the response holds a piece of the key; not written")
    out.mkdir(parents=True, exist_ok=True)
    (out / f"{name}.json").write_bytes(text.encode())
    print(f"recorded {name}: HTTP {response.status_code}")


def pieces(key: str) -> list[str]:
    """What of a key must not be found in a recording: any eight characters of the value or of its two parts."""
    whole = [key, *base64.b64decode(key).decode().split(":", 1)]
    return [part[i : i + 8] for part in whole for i in range(len(part) - 7)]


def main(argv: list[str]) -> int:
    """Runs the program."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, default=ROOT / "tests/fixtures/recorded", help="where to write")
    parser.add_argument("--base-url", default="https://api.inworld.ai", help="for trying this program out")
    options = parser.parse_args(argv)
    key = os.environ.get("INWORLD_API_KEY", "").strip()
    if not key:
        print("Recording needs a real key in INWORLD_API_KEY; nothing was sent.", file=sys.stderr)
        return 2
    for name, (body, real) in scenarios(ROOT).items():
        record(name, body, key if real else UNKNOWN_KEY, options.base_url, options.out, pieces(key))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
