"""Where PyInstaller finds the hook of this distribution; it asks by the entry point ``pyinstaller40``."""

from pathlib import Path


def hook_dirs() -> list[str]:
    """This folder."""
    return [str(Path(__file__).parent)]
