"""What a recorded exchange looks like on disk: readable JSON, without secrets, with where it came from.

Cassettes are vcrpy's, with this serializer (registered under the name ``json``), and their origin under ``metadata``.
"""

import json
from typing import Any

ENDPOINT = "https://api.inworld.ai/ml/v1alpha/embedding:embed"

KEPT_RESPONSE_HEADERS = frozenset(
    {"content-type", "content-encoding", "date", "retry-after"}
    | {"x-inworld-request-id", "x-inworld-emulator-engine"}
)
"""Everything else is dropped before it is written: cookies and traces do not belong into a repository."""

REDACTED = "REDACTED"


def serialize(cassette: dict[str, Any]) -> str:
    """The text of a cassette file."""
    return json.dumps(cassette, indent=1, ensure_ascii=False) + "\n"


deserialize = json.loads


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
