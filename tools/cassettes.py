"""What a recorded exchange looks like on disk: readable JSON, without secrets, with where it came from.

Cassettes are vcrpy's, with this serializer (registered under the name ``json``), and their origin under ``metadata``.
"""

import json
from typing import Any

ENDPOINT = "https://api.inworld.ai/ml/v1alpha/embedding:embed"

KEPT_RESPONSE_HEADERS = frozenset(
    {
        "content-type",
        "content-encoding",
        "date",
        "retry-after",
        "x-inworld-request-id",
        "x-inworld-emulator-engine",
    }
)
"""Everything else is dropped before it is written: cookies and traces do not belong into a repository."""

REDACTED = "REDACTED"


def serialize(cassette: dict[str, Any]) -> str:
    """The text of a cassette file."""
    return json.dumps(cassette, indent=1, ensure_ascii=False) + "\n"


def deserialize(text: str) -> dict[str, Any]:
    """The cassette of a file's text."""
    cassette: dict[str, Any] = json.loads(text)
    return cassette


def exchange(
    request: dict[str, Any],
    status: int,
    response: dict[str, Any] | str,
    content_type: str = "application/json",
) -> dict[str, Any]:
    """One interaction of a cassette."""
    body = (
        response
        if isinstance(response, str)
        else json.dumps(response, ensure_ascii=False, separators=(",", ":"))
    )
    return {
        "request": {
            "method": "POST",
            "uri": ENDPOINT,
            "body": json.dumps(request, ensure_ascii=False, separators=(",", ":")),
            "headers": {"content-type": ["application/json"], "authorization": [REDACTED]},
        },
        "response": {
            "status": {"code": status, "message": ""},
            "headers": {"Content-Type": [content_type]},
            "body": {"string": body},
        },
    }


def cassette(origin: dict[str, str], *exchanges: dict[str, Any]) -> dict[str, Any]:
    """A whole cassette; ``origin`` says where it came from."""
    return {"version": 1, "metadata": origin, "interactions": list(exchanges)}
