"""Redirects of every kind. A client that follows one sends its texts and its key where nobody meant them to go."""

from support.fault import Exchange, Fault
from support.reader import EMBED_PATH

REDIRECT_STATUSES = (301, 302, 303, 307, 308)


def redirect(status: int, location: str) -> Fault:
    """This status with this Location (A16)."""

    def play(ex: Exchange) -> None:
        ex.reply(status, b"", [("Location", location)])

    return Fault(f"redirect_{status}", play)


def redirect_without_location(status: int = 302) -> Fault:
    return Fault(f"redirect_{status}_nowhere", lambda ex: ex.reply(status, b"", []))


def redirect_to_itself(status: int = 307) -> Fault:
    """The same origin and path: a loop for whoever follows."""
    return redirect(status, EMBED_PATH)


ODD_LOCATIONS = (
    "file:///etc/hostname",
    "http://127.0.0.1:0/",
    "http://127.0.0.1:99999/",
    "//127.0.0.1:1/ml",
    "ftp://127.0.0.1/",
    "http://",
    "http://[::bad/",
    "embedding:embed",
    "",
)
"""Locations that name no place to go, for `redirect`."""
