"""Cassettes, and a validator made from the spec."""

from pathlib import Path

import pytest
import vcr
from openapi_core import Config, OpenAPI
from openapi_core.testing import MockRequest, MockResponse

from tools.spec.document import load

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="session")
def as_specified():
    """Whether the spec describes a request of httpx, or a response to it; raises what it says against them."""
    spec = load((ROOT / "openapi.yaml").read_text("utf-8"))
    # It requires no field of a good response: were others allowed, one with none of its fields would pass.
    strict = Config(additional_properties_default_policy="forbid")

    def check(request, status=None, content=b"", kind=""):
        headers, url = dict(request.headers), request.url
        sent = {"headers": headers, "data": request.content, "content_type": headers["content-type"]}
        mock = MockRequest(f"https://{url.host}", request.method.lower(), url.path, **sent)
        contract = OpenAPI.from_dict(spec, config=strict if status == 200 else None)
        if status is None:
            contract.validate_request(mock)
        else:
            contract.validate_response(mock, MockResponse(content, status, content_type=kind))

    return check


@pytest.fixture
def play():
    """Plays a cassette: any request beyond it fails."""
    same = ["method", "scheme", "host", "path"]
    recorder = vcr.VCR(serializer="json", record_mode=vcr.mode.NONE, match_on=same)
    return lambda path: recorder.use_cassette(str(path), allow_playback_repeats=True)
