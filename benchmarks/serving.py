"""Starts the loopback servers, and talks to the service's ``/control``."""

import contextlib
import http.client
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

HERE = Path(__file__).resolve().parent


@contextlib.contextmanager
def serving(program: str, *arguments: str) -> Iterator[str]:
    """A server of this folder in a process of its own, which prints its port; gives its origin."""
    command = [sys.executable, str(HERE / program), *arguments]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("no pipes")
        try:
            yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        finally:
            process.stdin.close()


def service() -> contextlib.AbstractContextManager[str]:
    """The service that speaks all the peers' APIs; gives its origin."""
    return serving("service.py")


def counters(url: str, latency: float | None = None) -> dict[str, Any]:
    """What the service counted. With a latency: sets it, and the counters begin anew."""
    connection = http.client.HTTPConnection(urlsplit(url).netloc)
    given = None if latency is None else json.dumps({"latency": latency})
    connection.request("GET" if given is None else "POST", "/control", given)
    answer: dict[str, Any] = json.loads(connection.getresponse().read())
    connection.close()
    return answer
