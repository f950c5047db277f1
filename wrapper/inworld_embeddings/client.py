"""The two clients: settings and checks they share, and a thin face each over the one asynchronous engine."""

# A vendored copy has the emulator only if it was asked for; in one without it, its types are Any.
# mypy: disable-error-code="import-not-found"

import atexit
import functools
import os
import sys
import threading
import time
from collections.abc import (
    AsyncGenerator,
    AsyncIterable,
    AsyncIterator,
    Callable,
    Coroutine,
    Iterable,
    Iterator,
    Mapping,
)
from contextlib import aclosing, suppress
from functools import partial
from types import TracebackType
from typing import (
    TYPE_CHECKING,
    Any,
    Literal,
    Never,
    Protocol,
    Self,
    TypeAlias,
    TypeVar,
    Unpack,
    cast,
    overload,
)

from ._redaction import arguments_hidden
from ._retry import RetryPolicy, Timeouts
from ._settings import (
    DEFAULT_BASE_URL,
    LOCAL_URL,
    emulator_credential,
    fingerprint,
    made_again,
    resolve,
    travelling,
)
from .errors import ClientClosedError, ConfigurationError, PartialFailureError
from .models import MODELS
from .options import (
    CALL,
    CLIENT,
    EMBED,
    LOCAL,
    STREAM,
    CallOptions,
    ClientOptions,
    EmbedOptions,
    Merged,
    OnError,
    Option,
    StreamOptions,
    checked,
    defaults,
    merged,
)
from .result import EmbeddingResult, Failure, Plan, Vectors

if TYPE_CHECKING:
    from inworld_embeddings_emulator.engines import Engine as VectorEngine
    from inworld_embeddings_emulator.faults import Faults

    from ._batching import Batch
    from ._engine.engine import Engine
    from ._engine.observability import Progress
    from ._engine.results import Row
else:  # for typing.get_type_hints, without loading what they are
    Engine = Faults = VectorEngine = Any

_loading = threading.RLock()
"""Held while the engine's modules are imported. A fork waits for it: what another thread imports just then would stay locked
in the child for ever."""
_loaded = False


@functools.cache
def _hold_forks() -> None:
    """Has forks wait for `_loading`, before they take the locks of `logging`, of thread pools and of the cache.

    What is registered last comes first, so those are imported before it. Nor may they be imported under `_loading`: a fork
    that waits for it would release their locks without having taken them.
    """
    import concurrent.futures.thread  # noqa: F401, PLC0415
    import logging  # noqa: F401, PLC0415

    from . import cache  # noqa: F401, PLC0415

    if hasattr(os, "register_at_fork"):
        os.register_at_fork(
            before=_loading.acquire, after_in_parent=_loading.release, after_in_child=_loading.release
        )


def _load() -> None:
    """Imports what a call needs, all of it: httpx, numpy, the engine, and what they would import later."""
    global _loaded  # noqa: PLW0603 - once in a process
    _hold_forks()
    with _loading:
        from ._engine import engine, observability, sync_bridge  # noqa: F401, PLC0415 - see above

        observability.opentelemetry()
        "localhost".encode("idna")  # loads what the first lookup would
        _loaded = True


T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)
Source: TypeAlias = Iterable[str] | AsyncIterable[str]


class Several(Protocol[T_co]):
    """A collection that a str is not: of a str, only a str can be asked whether it is inside."""

    def __contains__(self, value: object, /) -> bool: ...
    def __iter__(self) -> Iterator[T_co]: ...


Texts: TypeAlias = Several[str] | Iterator[str]


class BaseClient:
    """The settings of a client. Making one is cheap, sends nothing and loads no HTTP library."""

    _policy, _timeouts = RetryPolicy(), Timeouts()
    _made_engine: "Engine | None" = None

    @arguments_hidden
    def __init__(self, *unnamed: Never, **options: Unpack[ClientOptions]) -> None:
        if unnamed:
            raise TypeError(f"{type(self).__name__} takes keywords only, such as api_key=.")
        checked = merged(defaults(CLIENT), options, CLIENT)
        self._options = defaults(EMBED | STREAM) | {
            name: checked[name] for name in (*CALL, "request", "opened")
        }
        self._settings = resolve(checked, os.environ)
        self._closed = False
        self._maker: Callable[..., Any] = type(self)
        self._given = {name: value for name, value in options.items() if not _is_key(name, value)}
        if self._settings.extra_headers:
            self._given["extra_headers"] = self._settings.extra_headers  # hidden
        self._has_own_key = any(_is_key(name, value) for name, value in options.items() if value is not None)

    @classmethod
    def local(
        cls,
        engine: "VectorEngine | None" = None,
        *,
        faults: "Faults | str | None" = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """The same client over the in-process emulator: no key, no network.

        Its vectors are a stand-in: English is matched roughly by meaning, other languages by spelling only. They
        carry the engine's name (`EmbeddingResult.engine`) and must never be mixed with the service's.

        Args:
            engine: Makes the vectors; the built-in one by default.
            faults: What goes wrong, such as ``"status=503 x2, ok"``; see docs/use/local-mode.md. Nothing by default.
            **options: As for `embed`.

        Raises:
            TypeError: an unknown keyword, or one that is set here: the key, the address, the transport.
            ConfigurationError: an option out of range, faults that cannot be, or a copy without the emulator.
        """
        checked(options, LOCAL)
        try:  # only local mode pays
            _hold_forks()
            with _loading:
                from inworld_embeddings_emulator import Emulator, LocalTransport  # noqa: PLC0415
        except ModuleNotFoundError as missing:
            if not (missing.name or "").endswith("_emulator"):  # in a copy it has another name in front
                raise
            raise ConfigurationError(
                "This copy of the client was vendored without the emulator, so it has no local mode."
            ) from None
        transport = LocalTransport(Emulator(engine), faults)
        key = emulator_credential().reveal()
        client = cls(base_url=LOCAL_URL, api_key=key, transport=transport, allow_insecure=True, **options)
        client._maker = cls.local
        client._given, client._has_own_key = {"engine": engine, "faults": faults, **options}, False
        return client

    def plan(self, texts: Iterable[str], **options: Unpack[CallOptions]) -> Plan:
        """What `embed` would send for these texts. Sends nothing.

        Args:
            texts: A sequence of str.
            **options: As for `embed`.

        Raises:
            InvalidInputError: a text that `embed` would refuse too.
            ConfigurationError: an option out of range.
            CacheError: the cache cannot be read.
        """
        if not _loaded:
            _load()
        from ._batching import checked_source, plan  # noqa: PLC0415

        checked_source(texts, Iterable)
        checked, chosen, _ = self._checked(texts, options, CALL)
        room = self._room(chosen)
        around = chosen["max_batch_bytes"] - room
        cache, request = chosen["opened"], chosen["request"]
        lacking = None if cache is None else cache.lacking(self._settings, request, checked)
        return plan(
            checked,
            chosen["batch_size"],
            room,
            around,
            chosen["model"],
            dedupe=chosen["dedupe"],
            lacking=lacking,
        )

    def _known_dimension(self, options: "Merged") -> int | None:
        """The dimension of a model if it is public, and the service itself makes its vectors of the plain request."""
        known = MODELS.get(options["model"])
        plain = self._settings.base_url == DEFAULT_BASE_URL and options["extra_body"] is None
        if known is None or not plain or known.service_provider != options["service_provider"]:
            return None
        return known.dimension

    def __repr__(self) -> str:
        return (
            f"{type(self).__name__}(base_url={self._settings.base_url!r}, model={self._options['model']!r})"
        )

    def __reduce__(self) -> Any:
        """Pickles the settings, never a key: where it is unpickled, the environment or a key provider gives one.

        Of a client that was given a key as an argument, that must be the same key.

        Raises:
            TypeError: settings that cannot travel: ``auth``, ``transport``, ``http_client``, a proxy's password, a key
                provider that cannot be imported by name.
        """
        owner = fingerprint(self._settings.credential) if self._has_own_key else None
        return made_again, (self._maker, travelling(self._given), owner)

    def __copy__(self) -> Self:
        """A client with the same settings and credential, and connections of its own."""
        made = object.__new__(type(self))
        made.__dict__.update(self.__dict__, _closed=False)
        made.__dict__.pop("_made_engine", None)
        return made

    def __deepcopy__(self, memo: object) -> Self:
        return self.__copy__()

    @property
    def _engine(self) -> "Engine":
        """The engine, made on first use."""
        if self._closed:
            raise ClientClosedError("This client is closed. Make a new one.")
        if self._made_engine is None:
            from ._engine.engine import Engine  # noqa: PLC0415 - see _load

            made = Engine(self._settings, self._policy, self._timeouts)
            # Atomic, where a lock could be held for ever in a forked child.
            return cast("Engine", self.__dict__.setdefault("_made_engine", made))
        return self._made_engine

    def _warm_up(self) -> None:
        if not _loaded:
            _load()
        self._engine.warm_up()

    def _merged(self, given: Mapping[str, Any], table: Mapping[str, Option]) -> "Merged":
        """The client's options, with a call's own in their place."""
        return cast("Merged", merged(self._options, given, table) if given else self._options)

    @staticmethod
    def _room(options: Merged) -> int:
        """The bytes that a request has for its texts."""
        from ._api import envelope  # noqa: PLC0415 - see _load

        return options["max_batch_bytes"] - envelope(options["request"]).size

    def _checked(
        self, texts: Any, given: Mapping[str, Any], table: Mapping[str, Option]
    ) -> "tuple[list[str], Merged, Progress | None]":
        """Checked texts, complete options, what tells progress: all that can be wrong before sending is found here."""
        if not _loaded:
            _load()
        from ._batching import checked_text, checked_texts  # noqa: PLC0415

        chosen = self._merged(given, table)
        room, replace = self._room(chosen), chosen["replace_surrogates"]
        if isinstance(texts, str):
            return [checked_text(texts, room, replace=replace)], chosen, _progress(chosen)
        return checked_texts(texts, room, replace=replace), chosen, _progress(chosen)


def _progress(options: "Merged") -> "Progress | None":
    if not options["show_progress"] and options["on_progress"] is None:
        return None
    from ._engine.observability import Progress  # noqa: PLC0415 - see _load

    return Progress(options["on_progress"], bar=options["show_progress"])


def _is_key(name: str, value: object) -> bool:
    return name in ("key", "secret") or (name == "api_key" and isinstance(value, str))


def _returned(result: EmbeddingResult, on_error: str, *, alone: bool) -> "Vectors | EmbeddingResult":
    """What a caller is given for a result: the one vector of a str, or all of it.

    Raises:
        PartialFailureError: some texts failed, and failures are to be raised.
        InworldEmbeddingsError: the error of the one text.
    """
    if alone:
        return result[0]
    if result.failures and on_error == "raise":
        first = result.failures[0]
        raise PartialFailureError(
            f"Texts without a vector: {len(result.failures)} of {len(result)}. The first is inputs[{first.index}]: "
            f"{type(first.error).__name__}: {first.error} What succeeded is in .result, the rest in .failures.",
            result=result,
            failures=result.failures,
        )
    return result


@atexit.register  # with the import, so that what a program registers later still finds the clients at work
def _rest() -> None:
    bridge = sys.modules.get(f"{__package__}._engine.sync_bridge")
    rest = getattr(bridge, "rest", None)  # None too when a daemon thread is in the middle of importing it
    if rest is not None:
        rest()


class EmbeddingClient(BaseClient):
    """Embeds texts, from any thread. Safe to share between threads.

    Args:
        model: Model name, see `models.MODELS`. Default:
            'sentence-transformers/paraphrase-multilingual-mpnet-base-v2'.
        service_provider: `ServiceProvider` or its exact name. None: the known provider of the model.
            Default: None.
        timeout: For a whole call, retries and waits included; for each batch of a stream. None: no limit.
            Default: 600.0.
        max_retries: Retries of each batch; 2 means up to three attempts. Default: 2.
        batch_size: Most texts in one request. Default: 128.
        max_batch_bytes: Most bytes of one request body. Default: 1048576.
        max_concurrency: Most requests in flight, of one call and of all. Default: 64.
        dedupe: Send each distinct text of a call once; all its places get the vector. Default: False.
        hedge: Send a second request beside an unusually late one; the first good response counts.
            Default: False.
        replace_surrogates: Send U+FFFD for each surrogate, which UTF-8 cannot hold, instead of refusing
            the text. Default: False.
        warn_long: Warn in the log of a text that is surely longer than the model reads. Default: True.
        reject_zero: Treat an all-zero vector as a wrong response. Else it is kept, and counted in
            `Stats`. Default: False.
        extra_body: Fields that each request has beside ours, such as one that the service gained today.
            Sent as they are. Default: None.
        cache: A `Cache` or its path: texts that were embedded before are not sent again. None: none.
            Default: None.
        api_key: The portal's base64 value, or a callable asked for it on each attempt. None:
            `INWORLD_API_KEY`. Default: None.
        key: With `secret`, instead of `api_key`. None: `INWORLD_KEY`. Default: None.
        secret: See `key`. None: `INWORLD_SECRET`. Default: None.
        auth: Any `Auth` of httpx or httpx2, instead of a key. Default: None.
        base_url: Where the API is. None: `INWORLD_EMULATOR_HOST`, `INWORLD_API_BASE`, the spec's server.
            Default: None.
        allow_insecure: Permit an http:// `base_url` beyond loopback: the key then travels in clear. And
            `verify=False`. Default: False.
        rate_limit: Most requests per second, if you know your quota. None: throttling teaches it.
            Default: None.
        http_client: For both clients, an `AsyncClient` of httpx or httpx2: sends the requests, with its
            own proxies and hooks. Not closed here. Default: None.
        transport: For both clients, an `AsyncBaseTransport` of either, instead of `http_client`. Not
            closed here. Default: None.
        proxy: URL of a proxy. None: `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` decide. Default: None.
        trust_env: Whether those, and `SSL_CERT_FILE`, count. Default: True.
        verify: Certificates to trust: the path of a file or folder, or an `ssl.SSLContext`. True: those
            of `SSL_CERT_FILE` or `SSL_CERT_DIR`, else certifi's. False: anyone's, only with
            `allow_insecure`. Default: True.
        extra_headers: Headers that each request has beside ours, such as a gateway's. They may hold a
            key: they do not pickle. Default: None.
        compression: "gzip": less than half the bytes, at more CPU; worth it below some 1.5 Gbit/s.
            Default: None.
        user_agent: Goes before this package's name in the `User-Agent` header. Default: None.

    Raises:
        ConfigurationError: a setting, or a combination of them, that cannot work. No key is echoed.
        TypeError: an unknown keyword.

    Example:
        >>> with EmbeddingClient.local() as client:
        ...     client.embed("Hello Inworld!").shape
        (768,)
    """

    @overload
    def embed(self, texts: str, **options: Unpack[EmbedOptions]) -> "Vectors": ...
    @overload
    def embed(self, texts: Texts, **options: Unpack[EmbedOptions]) -> EmbeddingResult: ...
    @overload  # a str is an Iterable[str] too
    def embed(self, texts: Iterable[str], **options: Unpack[EmbedOptions]) -> "Vectors | EmbeddingResult": ...
    def embed(
        self, texts: str | Iterable[str], **options: Unpack[EmbedOptions]
    ) -> "Vectors | EmbeddingResult":
        """One vector for a str, shape (dim,); an `EmbeddingResult` in input order for several.

        Args:
            texts: A str, or a sequence of them; ten million are fine.
            **options: Any of `EmbedOptions`, for this call only.

        Raises:
            InvalidInputError: a text that cannot be sent; nothing was sent.
            ConfigurationError: an option out of range; nothing was sent.
            PartialFailureError: some texts have no vector.
            APIError: no text has one.
        """
        began, alone = time.monotonic(), isinstance(texts, str)
        checked, chosen, progress = self._checked(texts, options, EMBED)
        result = self._run(partial(self._engine.embed, checked, chosen, progress, began, alone=alone))
        return _returned(result, chosen["on_error"], alone=alone)

    def dimension(self, model: str | None = None) -> int:
        """The length of a model's vectors.

        Of the models in `models.MODELS` at the service's own address it is the public figure, and nothing is sent. Of any
        other, of an emulator or with ``extra_body``, one word is embedded, and its vector counted.

        Args:
            model: None: the client's own.

        Raises:
            ConfigurationError: that is no model's name.
            APIError: it had to be asked, and has no vector.
        """
        given = CallOptions() if model is None else CallOptions(model=model)
        return self._known_dimension(self._merged(given, CALL)) or len(self.embed("dimension", **given))

    @overload
    def embed_iter(
        self, texts: Source, *, on_error: Literal["raise"] = "raise", **options: Unpack[StreamOptions]
    ) -> "Iterator[tuple[int, Vectors]]": ...
    @overload
    def embed_iter(
        self, texts: Source, *, on_error: OnError, **options: Unpack[StreamOptions]
    ) -> "Iterator[tuple[int, Vectors | Failure]]": ...
    def embed_iter(
        self, texts: Source, *, on_error: OnError = "raise", **options: Unpack[StreamOptions]
    ) -> "Iterator[tuple[int, Any]]":
        """(index, vector) of each text of any iterable, with memory bounded by the window, not by the work.

        Args:
            texts: Any iterable of str. It is pulled in the calling thread, while the caller waits; it may block, and
                what is done meanwhile waits too. An async iterable is pulled on the client's event loop instead, where
                it holds nothing up.
            on_error: "raise": the first failure ends the iteration, after all that was in flight has been yielded.
                "return": a failed text yields (index, Failure), one that cannot be sent too.
            **options: Any of `StreamOptions`. ``timeout`` counts for each batch; ``dedupe`` has no effect.

        Raises:
            InvalidInputError: with ``on_error="raise"``, a text that cannot be sent; raised when it is reached, after
                what came before it.
            ConfigurationError: an option out of range; raised at once.
            APIError: with ``on_error="raise"``, the first failure's own error; a note on it names the index.
        """
        if not _loaded:
            _load()
        from ._batching import async_stream_batches, checked_source, stream_batches  # noqa: PLC0415

        chosen = self._merged({**options, "on_error": on_error}, STREAM)
        checked_source(texts, Iterable | AsyncIterable)
        limits = chosen["batch_size"], self._room(chosen)
        more = {"replace": chosen["replace_surrogates"], "returns": on_error == "return"}
        engine, progress = self._engine, _progress(chosen)
        if isinstance(texts, AsyncIterable):
            on_the_loop = async_stream_batches(texts, *limits, **more)
            return self._rows(lambda _: engine.embed_iter(on_the_loop, chosen, progress), iter(()))
        batches = stream_batches(texts, *limits, **more)
        return self._rows(lambda source: engine.embed_iter(source, chosen, progress), batches)

    def _rows(self, stream: Callable[[Any], Any], batches: "Iterator[Batch]") -> "Iterator[Row]":
        from ._engine.sync_bridge import loop_thread  # noqa: PLC0415 - see _load

        for rows in loop_thread().iterate(stream, batches):
            yield from rows

    def warm_up(self) -> None:
        """Loads what the first call would load otherwise, some 0.3 s: httpx, numpy, the engine, certificates."""
        self._warm_up()

    def close(self) -> None:
        """Closes the connections. Calls in flight end with `ClientClosedError`; closing twice does nothing."""
        self._closed = True
        with suppress(ClientClosedError):  # at the end of the interpreter there is nothing left to close
            if self._made_engine is not None:
                self._run(self._made_engine.aclose)

    def _for_its_loop(self) -> "AsyncEmbeddingClient":
        """The same client for coroutines that `_run` runs: it has the connections of this one."""
        made = object.__new__(AsyncEmbeddingClient)
        made.__dict__.update(self.__dict__, _made_engine=self._engine)
        return made

    @staticmethod
    def _run(work: Callable[[], Coroutine[Any, Any, T]]) -> T:
        from ._engine.sync_bridge import loop_thread  # noqa: PLC0415 - see _load

        return loop_thread().run(work)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        self.close()


class AsyncEmbeddingClient(BaseClient):
    """Embeds texts from asyncio. One client serves any number of event loops, one after another or at once.

    Its settings, and what is raised for a wrong one, are those of `EmbeddingClient`.

    Example:
        >>> async with AsyncEmbeddingClient.local() as client:
        ...     result = await client.embed(["a", "b"])
    """

    @overload
    async def embed(self, texts: str, **options: Unpack[EmbedOptions]) -> "Vectors": ...
    @overload
    async def embed(self, texts: Texts, **options: Unpack[EmbedOptions]) -> EmbeddingResult: ...
    @overload
    async def embed(
        self, texts: Iterable[str], **options: Unpack[EmbedOptions]
    ) -> "Vectors | EmbeddingResult": ...
    async def embed(
        self, texts: str | Iterable[str], **options: Unpack[EmbedOptions]
    ) -> "Vectors | EmbeddingResult":
        """As `EmbeddingClient.embed`, awaited. Cancelling it cancels what is in flight."""
        began, alone = time.monotonic(), isinstance(texts, str)
        checked, chosen, progress = self._checked(texts, options, EMBED)
        result = await self._engine.embed(checked, chosen, progress, began, alone=alone)
        return _returned(result, chosen["on_error"], alone=alone)

    async def dimension(self, model: str | None = None) -> int:
        """As `EmbeddingClient.dimension`, awaited."""
        given = CallOptions() if model is None else CallOptions(model=model)
        return self._known_dimension(self._merged(given, CALL)) or len(await self.embed("dimension", **given))

    @overload
    def embed_iter(
        self, texts: Source, *, on_error: Literal["raise"] = "raise", **options: Unpack[StreamOptions]
    ) -> "AsyncIterator[tuple[int, Vectors]]": ...
    @overload
    def embed_iter(
        self, texts: Source, *, on_error: OnError, **options: Unpack[StreamOptions]
    ) -> "AsyncIterator[tuple[int, Vectors | Failure]]": ...
    def embed_iter(
        self, texts: Source, *, on_error: OnError = "raise", **options: Unpack[StreamOptions]
    ) -> "AsyncIterator[tuple[int, Any]]":
        """As `EmbeddingClient.embed_iter`, as an async iterator.

        A plain iterable is pulled on the event loop too, so it must not block.
        """
        if not _loaded:
            _load()
        from ._batching import async_stream_batches, checked_source  # noqa: PLC0415

        chosen = self._merged({**options, "on_error": on_error}, STREAM)
        checked_source(texts, Iterable | AsyncIterable)
        limits = chosen["batch_size"], self._room(chosen)
        more = {"replace": chosen["replace_surrogates"], "returns": on_error == "return"}
        batches = async_stream_batches(texts, *limits, **more)
        return _rows(self._engine.embed_iter(batches, chosen, _progress(chosen)))

    async def warm_up(self) -> None:
        """As `EmbeddingClient.warm_up`, in a thread, so that the event loop goes on. ``async with`` does it too."""
        import asyncio  # noqa: PLC0415 - there already

        await asyncio.to_thread(self._warm_up)

    async def close(self) -> None:
        """Closes the connections. Calls in flight end with `ClientClosedError`; closing twice does nothing."""
        self._closed = True
        if self._made_engine is not None:
            await self._made_engine.aclose()

    async def __aenter__(self) -> Self:
        await self.warm_up()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: "TracebackType | None"
    ) -> None:
        await self.close()


async def _rows(stream: "AsyncGenerator[list[Row]]") -> "AsyncIterator[Row]":
    async with aclosing(stream):
        async for rows in stream:
            for row in rows:
                yield row
