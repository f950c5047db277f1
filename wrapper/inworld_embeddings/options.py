"""Every option of a client and of a call, each in one place: its type, default, check and description.

`ClientOptions` are the keywords of a client's constructor, `CallOptions` those that each call takes as well. What
stands beside a type is read at run time: `merged` checks values, and a test holds the clients' docstrings to it.
"""

import json
import math
import re
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping
from os import PathLike
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal, NamedTuple, Protocol, TypeAlias, TypedDict

from .errors import ConfigurationError
from .models import DEFAULT_MODEL, MODELS, checked_provider, provider_of

if TYPE_CHECKING:
    from ssl import SSLContext

    from .cache import Cache
else:  # for typing.get_type_hints, without loading OpenSSL
    SSLContext = Cache = Any

KeyProvider: TypeAlias = Callable[[], str | Awaitable[str]]
"""Returns the portal's base64 value, or an awaitable of it; asked on every attempt."""

Verify: TypeAlias = bool | str | SSLContext


class AsyncTransport(Protocol):
    """An ``AsyncBaseTransport`` of httpx or httpx2."""

    def handle_async_request(self, request: Any, /) -> Awaitable[Any]: ...


class AsyncHTTPClient(Protocol):
    """An ``AsyncClient`` of httpx or httpx2."""

    def send(
        self, request: Any, /, *, stream: bool = ..., auth: Any = ..., follow_redirects: Any = ...
    ) -> Awaitable[Any]: ...


class AuthFlow(Protocol):
    """An ``Auth`` of httpx or httpx2."""

    def async_auth_flow(self, request: Any, /) -> AsyncGenerator[Any, Any]: ...


OnError = Literal["raise", "return"]
Progressed: TypeAlias = Callable[[int, int | None], object]
_SURROGATE: Final = re.compile("[\ud800-\udfff]")


class Option(NamedTuple):
    """What stands beside the type of an option, in this order.

    Attributes:
        default: Its value where neither the call nor the client says otherwise.
        check: Raises a `ConfigurationError` for a value that cannot be, given the option's name and the value.
        doc: What it means.
        field: Whether it is the request's field of that name in the generated client. None leaves it out.
    """

    default: Any
    check: Callable[[str, Any], None]
    doc: str
    field: bool = False


def _any(name: str, value: object) -> None:
    """Checked where it is used: what belongs together is judged together."""


def _but(value: object) -> str:
    """The end of a message: what was given. Of a str no more than that, for it may be a key or a text."""
    shown = value if value is None or isinstance(value, int | float) else f"of type {type(value).__name__}"
    return f"; it is {shown}."


def _number_of(what: str) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if value is None:
            return
        if not isinstance(value, int | float) or isinstance(value, bool) or not 0 < value < math.inf:
            raise ConfigurationError(
                f"{name} must be a number of {what} above 0, or None for no limit{_but(value)}"
            )

    return check


def _count(least: int) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if not isinstance(value, int) or isinstance(value, bool) or value < least:
            raise ConfigurationError(f"{name} must be a whole number, {least} or more{_but(value)}")

    return check


def _flag(name: str, value: object) -> None:
    if not isinstance(value, bool):
        raise ConfigurationError(f"{name} must be True or False{_but(value)}")


def _one_of(*names: str | None) -> Callable[[str, object], None]:
    def check(name: str, value: object) -> None:
        if value not in names:
            raise ConfigurationError(f"{name} must be {' or '.join(map(repr, names))}.")

    return check


def _model(name: str, value: object) -> None:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ConfigurationError(f"{name} must be the name of a model.")


_OURS: Final = {"inputs": "the texts", "model": "model=", "serviceProvider": "service_provider="}
"""The fields that each request has, and what sets them."""


def _extra_body(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, dict):
        raise ConfigurationError(f"{name} must be a dict of request fields, not {type(value).__name__}.")
    try:
        _json(name, value)
    except RecursionError:
        raise ConfigurationError(f"{name} is nested too deep, or holds itself.") from None
    ours = _OURS | {_camel(name): f"{name}=" for name, option in CALL.items() if option.field}
    for key in value:
        if (way := ours.get(_camel(key))) is not None:
            raise ConfigurationError(f"{name}[{key!r}] would overwrite a field of the request: use {way}.")


def _camel(name: str) -> str:
    """The name that protobuf's JSON writes; it reads the other one as well."""
    return re.sub("_([a-z])", lambda found: found[1].upper(), name)


def _json(place: str, value: object) -> None:
    """Refuses what JSON cannot hold, or would hold as something else."""
    if isinstance(value, dict):
        for key, item in value.items():
            if not isinstance(key, str):
                raise ConfigurationError(f"{place} has the key {key!r}; the name of a field is a str.")
            _json(f"a key of {place}", key)
            _json(f"{place}[{key!r}]", item)
    elif isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _json(f"{place}[{index}]", item)
    elif wrong := _wrong(value):
        raise ConfigurationError(f"{place} {wrong}")


def _wrong(value: object) -> str | None:
    if isinstance(value, str):
        return "has a lone surrogate, which UTF-8 cannot hold." if _SURROGATE.search(value) else None
    if isinstance(value, int | float):
        finite = abs(value) <= sys.float_info.max
        return None if finite else "is not finite, and JSON has no number for it."
    if value is None:
        return None
    return f"is of type {type(value).__name__}. JSON has dict, list, str, int, float, bool and None."


def _canonical(value: object) -> str:
    """JSON that is the same for the same fields, in whatever order they were given."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True, separators=(",", ":"))


def _user_agent(name: str, value: object) -> None:
    if value is not None and not (
        isinstance(value, str) and value.strip() and value.isascii() and value.isprintable()
    ):
        raise ConfigurationError(f"{name} must be printable ASCII, such as 'my-app/1.0'.")


_HEADER: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
_OUR_HEADERS: Final = {
    "authorization": "api_key= or auth=",
    "user-agent": "user_agent=",
    "accept-encoding": "compression=",
    "host": "base_url=",
    **dict.fromkeys(("content-type", "content-length", "content-encoding"), "nothing: the body decides"),
    **dict.fromkeys(("connection", "expect", "te", "trailer", "transfer-encoding", "upgrade"), "transport="),
}
"""The headers that each request has or that belong to the connection, and what sets them."""


def _extra_headers(name: str, value: object) -> None:
    if value is None:
        return
    if not isinstance(value, Mapping):
        raise ConfigurationError(f"{name} must be a dict of header names and values{_but(value)}")
    for header, content in value.items():
        if not isinstance(header, str) or not _HEADER.fullmatch(header):
            raise ConfigurationError(f"{name} has the name {header!r}, which cannot be a header's.")
        if (way := _OUR_HEADERS.get(header.lower())) is not None:
            raise ConfigurationError(
                f"{name}[{header!r}] would overwrite a header of the request: use {way}."
            )
        # The value may be a key: it is not echoed.
        if not isinstance(content, str) or not content.isascii() or not content.isprintable():
            raise ConfigurationError(f"{name}[{header!r}] must be a str of printable ASCII.")


def _cache(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str | PathLike) and not hasattr(value, "size_limit"):
        raise ConfigurationError(f"{name} must be the path of a file, a Cache, or None for none{_but(value)}")


def _verify(name: str, value: object) -> None:
    if not isinstance(value, bool | str | PathLike) and not hasattr(value, "wrap_bio"):
        raise ConfigurationError(
            f"{name} must be the path of a file or folder, an ssl.SSLContext or a bool{_but(value)}"
        )


class CallOptions(TypedDict, total=False):
    """How to embed: keywords of the constructor and of each call. What a call does not give is the client's.

    The service publishes no limits. 128 texts in a batch keep responses of 3072 dimensions under the 4 MiB that gRPC
    allows by default [source]; 1 MiB for a body is assumed. The concurrency limit starts at 4 requests and adapts. At
    most one request in twenty gets a hedge, and none while the service is slow or throttles.
    """

    model: Annotated[str, DEFAULT_MODEL, _model, "Model name, see `models.MODELS`."]
    service_provider: Annotated[
        str | None, None, _any, "`ServiceProvider` or its exact name. None: the known provider of the model."
    ]
    timeout: Annotated[
        float | None,
        600.0,
        _number_of("seconds"),
        "For a whole call, retries and waits included; for each batch of a stream. None: no limit.",
    ]
    max_retries: Annotated[int, 2, _count(0), "Retries of each batch; 2 means up to three attempts."]
    batch_size: Annotated[int, 128, _count(1), "Most texts in one request."]
    max_batch_bytes: Annotated[int, 1024 * 1024, _count(1), "Most bytes of one request body."]
    max_concurrency: Annotated[int, 64, _count(1), "Most requests in flight, of one call and of all."]
    dedupe: Annotated[
        bool, False, _flag, "Send each distinct text of a call once; all its places get the vector."
    ]
    hedge: Annotated[
        bool,
        False,
        _flag,
        "Send a second request beside an unusually late one; the first good response counts.",
    ]
    replace_surrogates: Annotated[
        bool,
        False,
        _flag,
        "Send U+FFFD for each surrogate, which UTF-8 cannot hold, instead of refusing the text.",
    ]
    warn_long: Annotated[
        bool, True, _flag, "Warn in the log of a text that is surely longer than the model reads."
    ]
    reject_zero: Annotated[
        bool,
        False,
        _flag,
        "Treat an all-zero vector as a wrong response. Else it is kept, and counted in `Stats`.",
    ]
    extra_body: Annotated[
        dict[str, Any] | None,
        None,
        _extra_body,
        "Fields that each request has beside ours, such as one that the service gained today. Sent as they are.",
    ]
    cache: Annotated[
        Cache | str | PathLike[str] | None,
        None,
        _cache,
        "A `Cache` or its path: texts that were embedded before are not sent again. None: none.",
    ]


class ProgressOptions(CallOptions, total=False):
    """Keywords of `embed` and `embed_iter` alike.

    ``on_progress`` is called from the engine's thread. What it raises is logged once, and it is not called again.
    """

    show_progress: Annotated[bool, False, _flag, "A tqdm bar on standard error."]
    on_progress: Annotated[
        Progressed | None,
        None,
        _any,
        "Called with (texts done, texts in all) after each batch; of a stream the second is None.",
    ]


class EmbedOptions(ProgressOptions, total=False):
    """Keywords of `embed`.

    With ``on_error="raise"``, `PartialFailureError` holds what succeeded if some texts fail; if all fail, their error
    itself is raised. With "return" the result lists them in ``failures``. A single str always raises.
    """

    on_error: Annotated[
        OnError, "raise", _one_of("raise", "return"), 'What becomes of texts that fail: "raise" or "return".'
    ]
    keep_extra: Annotated[
        bool,
        False,
        _flag,
        "Keep what responses hold beside the vectors, in the result's `extra`: for what the service gained today.",
    ]


class StreamOptions(ProgressOptions, total=False):
    """Keywords of `embed_iter`, beside ``on_error``, on which its type depends."""

    ordered: Annotated[
        bool, True, _flag, "Yield in input order, or as batches are done, which may be faster."
    ]


class Merged(StreamOptions, EmbedOptions):
    """A complete set: what a call was given, in the place of the client's options, in the place of the defaults.

    Attributes:
        request: What its requests say beside their texts, as canonical JSON: equal for equal requests.
        opened: The ``cache``, if there is one.
    """

    request: str
    opened: "Cache | None"


class ClientOptions(CallOptions, total=False):
    """Keywords of a client's constructor. One of ``api_key``, ``key`` with ``secret``, and ``auth`` is the credential."""

    api_key: Annotated[
        str | KeyProvider | None,
        None,
        _any,
        "The portal's base64 value, or a callable asked for it on each attempt. None: `INWORLD_API_KEY`.",
    ]
    key: Annotated[str | None, None, _any, "With `secret`, instead of `api_key`. None: `INWORLD_KEY`."]
    secret: Annotated[str | None, None, _any, "See `key`. None: `INWORLD_SECRET`."]
    auth: Annotated[AuthFlow | None, None, _any, "Any `Auth` of httpx or httpx2, instead of a key."]
    base_url: Annotated[
        str | None,
        None,
        _any,
        "Where the API is. None: `INWORLD_EMULATOR_HOST`, `INWORLD_API_BASE`, the spec's server.",
    ]
    allow_insecure: Annotated[
        bool,
        False,
        _flag,
        "Permit an http:// `base_url` beyond loopback: the key then travels in clear. And `verify=False`.",
    ]
    rate_limit: Annotated[
        float | None,
        None,
        _number_of("requests per second"),
        "Most requests per second, if you know your quota. None: throttling teaches it.",
    ]
    http_client: Annotated[
        AsyncHTTPClient | None,
        None,
        _any,
        "For both clients, an `AsyncClient` of httpx or httpx2: sends the requests, with its own proxies and hooks. "
        "Not closed here.",
    ]
    transport: Annotated[
        AsyncTransport | None,
        None,
        _any,
        "For both clients, an `AsyncBaseTransport` of either, instead of `http_client`. Not closed here.",
    ]
    proxy: Annotated[
        str | None, None, _any, "URL of a proxy. None: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` decide."
    ]
    trust_env: Annotated[bool, True, _flag, "Whether those, and `SSL_CERT_FILE`, count."]
    verify: Annotated[
        Verify | PathLike[str],
        True,
        _verify,
        "Certificates to trust: the path of a file or folder, or an `ssl.SSLContext`. True: those of `SSL_CERT_FILE` "
        "or `SSL_CERT_DIR`, else certifi's. False: anyone's, only with `allow_insecure`.",
    ]
    extra_headers: Annotated[
        Mapping[str, str] | None,
        None,
        _extra_headers,
        "Headers that each request has beside ours, such as a gateway's. They may hold a key: they do not pickle.",
    ]
    compression: Annotated[
        Literal["gzip"] | None,
        None,
        _one_of("gzip", None),
        '"gzip": less than half the bytes, at more CPU; worth it below some 1.5 Gbit/s.',
    ]
    user_agent: Annotated[
        str | None, None, _user_agent, "Goes before this package's name in the `User-Agent` header."
    ]


def table_of(options: type) -> dict[str, Option]:
    """The options that a TypedDict declares, by name."""
    return {name: Option(*hint.__metadata__) for name, hint in options.__annotations__.items()}


CALL: Final = table_of(CallOptions)
EMBED: Final = CALL | table_of(EmbedOptions)
STREAM: Final = table_of(StreamOptions) | {"on_error": EMBED["on_error"]}
CLIENT: Final = CALL | table_of(ClientOptions)
_SET_BY_LOCAL: Final = {"api_key", "key", "secret", "base_url", "transport", "allow_insecure"}
LOCAL: Final = {
    **{name: option for name, option in CLIENT.items() if name not in _SET_BY_LOCAL},
    **{name: Option(None, _any, "See `EmbeddingClient.local`.") for name in ("engine", "faults")},
}


def defaults(table: Mapping[str, Option]) -> dict[str, Any]:
    """The default of each option."""
    return {name: option.default for name, option in table.items()}


def merged(base: Mapping[str, Any], given: Mapping[str, Any], table: Mapping[str, Option]) -> dict[str, Any]:
    """A complete set of a client's or call's options: what was given, checked, in the place of what there was.

    Raises:
        TypeError: an unknown keyword; suggests the nearest one.
        ConfigurationError: a value that cannot be; names the option.
    """
    plain = checked(given, table)
    options = {"opened": None, **base, **plain}
    if given.get("model") in MODELS and "service_provider" not in given:
        options["service_provider"] = None  # a known model brings its own
    options["service_provider"] = checked_provider(
        options["service_provider"] or provider_of(options["model"])
    )
    if "extra_body" in plain:  # a copy, which nobody changes behind our back
        options["extra_body"] = json.loads(_canonical(plain["extra_body"])) or None
    if "cache" in plain:
        options["opened"] = _opened(plain["cache"])
    fields = [name for name, option in CALL.items() if option.field and options[name] is not None]
    told = {name: options[name] for name in ("model", "service_provider", "extra_body", *fields)}
    options["request"] = _canonical(told)
    return options


def _opened(cache: "Cache | str | PathLike[str] | None") -> "Cache | None":
    if not isinstance(cache, str | PathLike):
        return cache
    from .cache import Cache  # noqa: PLC0415 - only for those who want one

    return Cache(cache)


def checked(given: Mapping[str, Any], table: Mapping[str, Option]) -> dict[str, Any]:
    """What was given, if a table has it; raises as `merged`."""
    plain: dict[str, Any] = {}
    for name, value in given.items():
        if name not in table:
            import difflib  # noqa: PLC0415 - for a typo alone

            near = difflib.get_close_matches(name, table, 1)
            hint = f". Did you mean {near[0]!r}?" if near else ""
            raise TypeError(f"unexpected keyword argument {name!r}{hint}")
        plain[name] = value.item() if getattr(value, "ndim", None) == 0 else value  # numpy's scalars
        table[name].check(name, plain[name])
    return plain
