"""``serve``, the command. What it serves is tested with the emulator."""

import re
import signal


def test_it_says_how_to_reach_it_answers_and_stops(start, run):
    server = start("serve", "--port", "0")
    try:
        said = "".join(server.stdout.readline() for _ in range(3))
        assert "English search is meaningful" in said
        host = re.search(r"INWORLD_EMULATOR_HOST=(\S+)", said)[1]
        assert run("embed", "over the wire", INWORLD_EMULATOR_HOST=host)[0] == 0
    finally:
        server.send_signal(signal.SIGINT)
        _, log = server.communicate(timeout=20)
    assert server.returncode == 0
    assert "over the wire" not in log
