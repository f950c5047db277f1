"""A string that does not show itself: not in a repr, a traceback with locals, a log, or a pickle."""

from typing import NoReturn


class Secret:
    """Holds a secret; `reveal` is the only way to it, and easy to search for."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        return self._value

    def __repr__(self) -> str:
        return "Secret(***)"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret does not pickle: give the other process its own")
