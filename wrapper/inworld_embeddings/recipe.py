"""How to make a client again in another process: its settings, without a secret."""

import dataclasses
import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

from .errors import ConfigurationError

if TYPE_CHECKING:
    from .configuration import Carrier, Limits, Target
    from .options import Options


class Recipe(NamedTuple):
    """What made a client, and the settings that it does not keep anywhere else.

    Attributes:
        maker: The client's class, or its ``local``.
        given: Keyword arguments, as they were given.
    """

    maker: Callable[..., Any]
    given: dict[str, Any]

    def reduced(self, target: "Target", carrier: "Carrier", limits: "Limits", options: "Options") -> Any:
        """What `object.__reduce__` returns for the client.

        Raises:
            TypeError: a setting that cannot travel; names it.
        """
        settings = dataclasses.asdict(options) | self.given
        if "engine" not in self.given:
            _check(target, carrier, self.given)
            settings |= {
                "rate_limit": limits.rate_limit,
                "proxy": carrier.proxy,
                "trust_env": carrier.trust_env,
                "compression": carrier.compression,
            }
        return made_again, (self.maker, settings)


def made_again(maker: Callable[..., Any], settings: dict[str, Any]) -> Any:
    """A client from its recipe.

    Raises:
        ConfigurationError: the settings do not work here; above all, there is no key.
    """
    try:
        return maker(**settings)
    except ConfigurationError as error:
        raise ConfigurationError(
            f"A client's key does not travel in a pickle or copy. Here: {error}"
        ) from None


def _check(target: "Target", carrier: "Carrier", given: dict[str, Any]) -> None:
    for name in ("transport", "http_client"):
        if getattr(carrier, name) is not None:
            raise _stays(f"its {name}= belongs to this process")
    if hasattr(target.credential, "auth_flow"):
        raise _stays("its auth= may hold a key")
    provider = given["api_key"]
    if provider is not None and not inspect.isfunction(provider):
        raise _stays("its key provider may hold a key; a plain function of a module travels by name")
    if carrier.proxy and "@" in carrier.proxy:
        raise _stays("its proxy= holds a password")


def _stays(why: str) -> TypeError:
    return TypeError(f"This client does not pickle: {why}. Make one in the other process instead.")
