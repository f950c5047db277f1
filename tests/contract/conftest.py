"""Cassettes, and a validator made from the spec."""

from pathlib import Path

import pytest
import vcr
from openapi_core import OpenAPI

from tools.spec.document import load

ROOT = Path(__file__).resolve().parents[2]
FIXTURES = ROOT / "tests" / "fixtures"


@pytest.fixture(scope="session")
def spec():
    return load((ROOT / "openapi.yaml").read_text("utf-8"))


@pytest.fixture(scope="session")
def contract(spec):
    return OpenAPI.from_dict(spec)


@pytest.fixture
def play():
    """Plays a cassette: any request beyond it fails."""
    recorder = vcr.VCR(
        serializer="json", record_mode=vcr.mode.NONE, match_on=["method", "scheme", "host", "path"]
    )
    return lambda path: recorder.use_cassette(str(path), allow_playback_repeats=True)
