"""Which machine and which versions the figures belong to."""

import os
import platform
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from peers import PEERS

PARTS = ("numpy", "httptools", "httpx", "msgspec", "pysimdjson", "orjson")


def described() -> dict[str, Any]:
    """The machine's name, and versions by distribution."""
    names = dict.fromkeys([*(peer.package for peer in PEERS.values()), *PARTS])
    python = f"{platform.python_implementation()} {platform.python_version()}"
    return {
        "machine": f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores, {python}",
        "versions": {name: found for name in names if (found := _version(name))},
    }


def _version(name: str) -> str | None:
    try:
        return version(name)
    except PackageNotFoundError:
        return None
