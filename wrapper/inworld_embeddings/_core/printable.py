"""Makes text from a server safe to print: one line, no control characters, of bounded length."""

from typing import Final

ELLIPSIS: Final = "…"
LOOK: Final = 64 * 1024
"""How much of a server's text is ever looked at: bytes of a body, characters of a message."""


def printable(text: str) -> str:
    r"""Shows what a terminal or a log would act on as an escape: ``\n``, ``\x1b``, ``\u2028``, ``\u202e``.

    That is every character without a printable form: C0 and C1 controls, line and paragraph separators, bidi
    overrides, zero-width characters, lone surrogates, spaces other than U+0020. Backslashes stay as they are, so
    doing it twice changes nothing.
    """
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def cut(text: str, limit: int) -> str:
    """At most ``limit`` characters, the last one an ellipsis when something is missing."""
    return text if len(text) <= limit else text[: max(limit - 1, 0)] + ELLIPSIS[: max(limit, 0)]
