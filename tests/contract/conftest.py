"""Cassettes."""

import pytest
import vcr


@pytest.fixture
def play():
    """Plays a cassette: any request beyond it fails."""
    same = ["method", "scheme", "host", "path"]
    recorder = vcr.VCR(serializer="json", record_mode=vcr.mode.NONE, match_on=same)
    return lambda path: recorder.use_cassette(str(path), allow_playback_repeats=True)
