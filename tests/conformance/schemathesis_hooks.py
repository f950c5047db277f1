"""What schemathesis is told beyond the spec: one more check, and the few findings that are not defects.

Loaded by schemathesis itself, see test_schemathesis.py. All of its checks stay on. A finding is let go only if it is one
of those below, each with its reason, and each is counted, so that one that no longer occurs is noticed.
"""

import json
import math
import os
import re
from pathlib import Path

import jsonschema_rs
import schemathesis
from leniency import LENIENT, first_value
from schemathesis.core.failures import AcceptedNegativeData, ServerError
from schemathesis.openapi.checks import UnsupportedMethodResponse

GOOD_KEY = "Basic bG9jYWw6bG9jYWw="
DIMENSION = 768
VALIDATOR = jsonschema_rs.validator_for(LENIENT)
NOTES = Path(os.environ["CONFORMANCE_NOTES"])


def note(line):
    with NOTES.open("a") as notes:
        notes.write(f"{line}\n")


def message_in(request):
    """The message in a request's body, or None if the emulator is not to read it."""
    body = request.body or b""
    try:
        value = first_value(body.encode() if isinstance(body, str) else body)
    except (ValueError, RecursionError):
        return None
    return value if VALIDATOR.is_valid(value) else None


@schemathesis.check
def one_vector_for_each_text_or_a_400(ctx, response, case):
    """Count, dimension and finiteness, which the schema cannot say; and a 400 for exactly what protojson would not read."""
    request = response.request
    assert re.fullmatch("[0-9a-f]{32}", response.headers["x-inworld-request-id"][0])
    assert response.headers["x-inworld-emulator-engine"][0]
    if request.method != "POST" or request.headers.get("Authorization") != GOOD_KEY:
        note("asked in another way")
        return
    message, answer = message_in(request), json.loads(response.content)
    if message is None:
        note("unreadable")
        assert (response.status_code, answer["code"]) == (400, 3)
        return
    note("readable")
    assert response.status_code == 200
    vectors = [entry["values"] for entry in answer["embeddings"]]
    assert [len(vector) for vector in vectors] == [DIMENSION] * len(message.get("inputs") or [])
    assert all(math.isfinite(value) for vector in vectors for value in vector)


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Whether a finding counts."""
    request = response.request
    if isinstance(failure, AcceptedNegativeData) and message_in(request) is not None:
        # The spec says what clients should send. protojson reads more, and refusing that would let a client pass here
        # that fails nowhere else: unknown fields, null, missing fields, other enum values. [source] in docs/use/local-mode.md
        note("let go: protojson reads it")
        return False
    if isinstance(failure, (UnsupportedMethodResponse, ServerError)) and (
        request.method != "POST" and response.status_code == 501
    ):
        # grpc-gateway answers another method with 501, gRPC's UNIMPLEMENTED, not with 405. [source] in docs/use/local-mode.md
        note("let go: 501 for another method")
        return False
    return True
