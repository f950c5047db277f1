"""What a request's head and body give away: which Authorization it bore, and whether the credential strayed."""

from enum import Enum

from support.reader import Head

_SECRET_HEADERS = frozenset({"authorization", "proxy-authorization", "cookie"})


class Authorization(Enum):
    """What became of the Authorization header. Its value is never kept."""

    ABSENT = "absent"
    EXPECTED = "expected"
    OTHER = "other"
    SEVERAL = "several"


def authorization(head: Head, expected: str | None) -> Authorization:
    """Compare the header with the whole expected value; with None, any value is `Authorization.OTHER`."""
    match head.all("authorization"):
        case []:
            return Authorization.ABSENT
        case [value]:
            return Authorization.EXPECTED if value == expected else Authorization.OTHER
        case _:
            return Authorization.SEVERAL


def credential_elsewhere(head: Head, body: bytes, expected: str | None) -> bool:
    """Whether the credential (the value's last word) stands in the target, another header or the body."""
    if expected is None:
        return False
    secret = expected.rpartition(" ")[2]
    others = [head.target, *(value for name, value in head.headers if name != "authorization")]
    return any(secret in text for text in others) or secret.encode() in body


def loggable(head: Head) -> tuple[tuple[str, str], ...]:
    """The headers without those that hold secrets."""
    return tuple(pair for pair in head.headers if pair[0] not in _SECRET_HEADERS)
