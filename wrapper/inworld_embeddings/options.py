"""How to embed: the options shared by the client's constructor and each call, checked in one place."""

import dataclasses
import difflib
import math
from dataclasses import dataclass
from typing import Literal, TypedDict

from .errors import ConfigurationError
from .models import DEFAULT_MODEL, MODELS, checked_provider, provider_of


class CallOptions(TypedDict, total=False):
    """Keywords of `embed` and `plan`; what is not given is taken from the client. See `Options`."""

    model: str
    service_provider: str | None
    timeout: float | None
    max_retries: int
    batch_size: int
    max_batch_bytes: int
    max_concurrency: int
    dedupe: bool
    hedge: bool
    canary: bool
    replace_surrogates: bool
    reject_zero: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """Options of a call.

    Attributes:
        model: Model name, see `models.MODELS`.
        service_provider: Exact name or `ServiceProvider`; None means the known provider of the model, else Inworld.
        timeout: Seconds for the whole call, retries and waiting included; for `embed_iter`, for each batch. None for
            no limit.
        max_retries: Retries of each batch; 2 means up to three attempts.
        batch_size: Most texts in one request. The service's own limit is not published; 128 keeps answers of
            3072 dimensions under the 4 MiB that gRPC allows by default [source].
        max_batch_bytes: Most bytes of one request body. Not published either; 1 MiB is assumed to be safe.
        max_concurrency: Most requests in flight. The limiter starts at 4 and goes no higher than this.
        dedupe: Send each distinct text once per call; every place it stands in gets its vector.
        hedge: Send a second request beside one that is unusually late, and take the first good answer. At most one
            in twenty requests gets one, and none while the service is slow or throttles.
        canary: Send a known text with each request and check its vector, to notice an answer that belongs to another
            request or is out of order. Costs one of the ``batch_size`` texts, and 64 texts once for each model.
        reject_zero: Treat an all-zero vector as a wrong answer. By default it is kept, and counted in `Stats`.
        replace_surrogates: Send U+FFFD for each surrogate, which UTF-8 cannot hold, instead of refusing the text.
    """

    model: str = DEFAULT_MODEL
    service_provider: str | None = None
    timeout: float | None = 600.0
    max_retries: int = 2
    batch_size: int = 128
    max_batch_bytes: int = 1024 * 1024
    max_concurrency: int = 64
    dedupe: bool = False
    hedge: bool = False
    canary: bool = False
    replace_surrogates: bool = False
    reject_zero: bool = False

    def __post_init__(self) -> None:
        _check_model(self.model)
        provider = provider_of(self.model) if self.service_provider is None else self.service_provider
        object.__setattr__(self, "service_provider", checked_provider(provider))
        _check_count("max_retries", self.max_retries, least=0)
        for name in ("batch_size", "max_batch_bytes", "max_concurrency"):
            _check_count(name, getattr(self, name), least=1)
        _check_timeout(self.timeout)
        for name in ("dedupe", "hedge", "canary", "replace_surrogates", "reject_zero"):
            if not isinstance(getattr(self, name), bool):
                raise ConfigurationError(f"{name} must be True or False.")
        if self.canary and self.batch_size == 1:
            raise ConfigurationError(
                "canary=True needs a batch_size of 2 or more: the canary is one of the texts."
            )

    @property
    def texts_per_request(self) -> int:
        """Most of the caller's texts in one request."""
        return self.batch_size - self.canary

    def replaced(self, changes: CallOptions) -> "Options":
        """These options with a call's own in their place.

        Raises:
            TypeError: an unknown keyword; suggests the nearest one.
            ConfigurationError: a value out of range.
        """
        if not changes:
            return self
        for name in changes:
            if name not in CallOptions.__annotations__:
                near = difflib.get_close_matches(name, CallOptions.__annotations__, 1)
                hint = f". Did you mean {near[0]!r}?" if near else ""
                raise TypeError(f"unexpected keyword argument {name!r}{hint}")
        if changes.get("model") in MODELS and "service_provider" not in changes:
            changes = {**changes, "service_provider": None}  # a known model brings its own provider
        return dataclasses.replace(self, **changes)


OnError = Literal["raise", "return"]


def checked_on_error(value: str) -> bool:
    """Whether failures are raised.

    Raises:
        ConfigurationError: neither "raise" nor "return".
    """
    if value not in ("raise", "return"):
        raise ConfigurationError('on_error must be "raise" or "return".')
    return value == "raise"


def checked_rate(value: float | None) -> float | None:
    """A rate in requests per second, or None for no limit.

    Raises:
        ConfigurationError: not a number above 0.
    """
    if value is not None and not _is_positive(value):
        raise ConfigurationError("rate_limit must be a number of requests per second above 0, or None.")
    return value


def _check_model(model: object) -> None:
    if not isinstance(model, str) or not model.strip() or not model.isprintable():
        raise ConfigurationError("model must be the name of a model.")


def _check_count(name: str, value: object, least: int) -> None:
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise ConfigurationError(f"{name} must be a whole number, {least} or more.")


def _check_timeout(value: object) -> None:
    if value is not None and not _is_positive(value):
        raise ConfigurationError("timeout must be a number of seconds above 0, or None for no limit.")


def _is_positive(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf
