# generated from openapi.yaml, do not edit; change it and run: nox -s generate
from enum import StrEnum
from typing import Any, Self


class ServiceProvider(StrEnum):
    """Service provider hosting model and handling requests.

    - SERVICE_PROVIDER_UNSPECIFIED: No service provider specified. Default SERVICE_PROVIDER_INWORLD will be used
    - SERVICE_PROVIDER_INWORLD: Inworld service provider"""

    SERVICE_PROVIDER_UNSPECIFIED = "SERVICE_PROVIDER_UNSPECIFIED"
    SERVICE_PROVIDER_INWORLD = "SERVICE_PROVIDER_INWORLD"
    SERVICE_PROVIDER_OPENAI = "SERVICE_PROVIDER_OPENAI"

    def __str__(self) -> str:
        return str(self.value)

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        """Keep a value this client does not know yet: it equals its string, travels back unchanged, is `in` no enum."""
        if not isinstance(value, str):
            return None
        unknown = str.__new__(cls, value)
        unknown._name_ = "<unknown>"
        unknown._value_ = str(value)
        return unknown

    def __reduce_ex__(self, proto: object) -> tuple[Any, ...]:
        """Copy and pickle by value: before CPython 3.11.4 they look up the name, and an unknown value has none."""
        return type(self), (self._value_,)
