"""What both clients have in common: their settings, their plan, and how a result becomes an answer."""

import os
from collections.abc import AsyncIterable, Iterable
from typing import TYPE_CHECKING, Any, Literal, Self, Unpack

from . import configuration
from ._answers import all_or_raise, as_it_is, only_vector
from ._core.inputs import checked_source, checked_text, checked_texts
from ._core.user_agent import user_agent_header
from .errors import ClientClosedError, ConfigurationError
from .options import CallOptions, Options, checked_on_error, checked_rate
from .recipe import Recipe
from .result import EmbeddingResult, Plan

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    import httpx

    from ._core.batches import Batch
    from ._engine.engine import Engine
    from ._engine.progress import Callback, Progress
    from .configuration import KeyProvider
    from .emulator.engines import Engine as VectorEngine
    from .emulator.faults import Faults, Scripted
    from .result import Vectors

_DEFAULTS = Options()


class BaseClient:
    """The settings of a client. Making one is cheap, sends nothing and loads no HTTP library.

    Args:
        api_key: The portal's base64 value, or a callable that returns it and is asked on every attempt.
            Default: ``INWORLD_API_KEY``.
        key: With ``secret``, instead of ``api_key``. Default: ``INWORLD_KEY``.
        secret: See ``key``. Default: ``INWORLD_SECRET``.
        auth: Any ``httpx.Auth``, instead of a key.
        model: Model name, see `models.MODELS`. Default: the one of the spec's examples.
        service_provider: `ServiceProvider` or its exact name. Default: the known provider of the model.
        base_url: Where the API is. Default: ``INWORLD_EMULATOR_HOST``, ``INWORLD_API_BASE``, the spec's server.
        timeout: Seconds for a whole call, retries and waiting included; None for no limit. Default 600.
        max_retries: Retries (not attempts) of each batch. Default 2.
        batch_size: Most texts in one request. Default 128, assumed: the service publishes no limit.
        max_batch_bytes: Most bytes of one request body. Default 1 MiB, assumed too.
        max_concurrency: Most requests in flight over all calls of this client. Default 64; the limiter starts at 4
            and adapts.
        rate_limit: Most requests per second, if you know your quota. Default: none; throttling teaches a pace.
        dedupe: Send each distinct text of a call once. Default False.
        hedge: Send a second request beside one that is unusually late. Default False; see `Options`.
        canary: Check each answer by a known text that goes with the request. Default False; see `Options`.
        replace_surrogates: Send U+FFFD in place of what UTF-8 cannot hold, instead of refusing it. Default False.
        reject_zero: Treat an all-zero vector as a wrong answer. Default False: kept, and counted in `Stats`.
        http_client: An ``httpx.AsyncClient`` (for both clients) to send through, with its own proxies and hooks.
            It is not closed here.
        transport: An ``httpx.AsyncBaseTransport`` (for both clients), instead of ``http_client``. Not closed here.
        proxy: URL of a proxy. Default: ``HTTPS_PROXY``, ``ALL_PROXY`` and ``NO_PROXY`` decide.
        trust_env: Whether those, and ``SSL_CERT_FILE``, count. Default True.
        compression: "gzip" asks for compressed answers: less than half the bytes, at more CPU. Worth it below some
            1.5 Gbit/s. Default None.
        user_agent: Goes before this package's name in the ``User-Agent`` header.
        allow_insecure: Permit an http:// ``base_url`` beyond loopback: the key then travels in clear.

    Raises:
        ConfigurationError: a setting, or a combination of them, that cannot work. No key is echoed.
    """

    def __init__(
        self,
        *,
        api_key: "str | KeyProvider | None" = None,
        key: str | None = None,
        secret: str | None = None,
        auth: "httpx.Auth | None" = None,
        model: str = _DEFAULTS.model,
        service_provider: str | None = None,
        base_url: str | None = None,
        timeout: float | None = _DEFAULTS.timeout,
        max_retries: int = _DEFAULTS.max_retries,
        batch_size: int = _DEFAULTS.batch_size,
        max_batch_bytes: int = _DEFAULTS.max_batch_bytes,
        max_concurrency: int = _DEFAULTS.max_concurrency,
        rate_limit: float | None = None,
        dedupe: bool = _DEFAULTS.dedupe,
        hedge: bool = _DEFAULTS.hedge,
        canary: bool = _DEFAULTS.canary,
        replace_surrogates: bool = _DEFAULTS.replace_surrogates,
        reject_zero: bool = _DEFAULTS.reject_zero,
        http_client: "httpx.AsyncClient | None" = None,
        transport: "httpx.AsyncBaseTransport | None" = None,
        proxy: str | None = None,
        trust_env: bool = True,
        compression: 'Literal["gzip"] | None' = None,
        user_agent: str | None = None,
        allow_insecure: bool = False,
    ) -> None:
        self._options = Options(
            model=model,
            service_provider=service_provider,
            timeout=timeout,
            max_retries=max_retries,
            batch_size=batch_size,
            max_batch_bytes=max_batch_bytes,
            max_concurrency=max_concurrency,
            dedupe=dedupe,
            hedge=hedge,
            canary=canary,
            replace_surrogates=replace_surrogates,
            reject_zero=reject_zero,
        )
        self._limits = configuration.Limits(max_concurrency, checked_rate(rate_limit))
        self._target = configuration.resolve(
            os.environ,
            api_key=api_key,
            key=key,
            secret=secret,
            auth=auth,
            base_url=base_url,
            allow_insecure=allow_insecure,
        )
        self._carrier = configuration.Carrier(
            transport, http_client, proxy, trust_env, configuration.checked_compression(compression)
        )
        self._user_agent = user_agent_header(user_agent)
        self._engines: dict[str, Engine] = {}
        self._closed = False
        given = {"base_url": base_url, "user_agent": user_agent, "allow_insecure": allow_insecure}
        self._recipe = Recipe(type(self), given | {"api_key": api_key if callable(api_key) else None})

    @classmethod
    def local(
        cls,
        engine: "VectorEngine | None" = None,
        *,
        faults: "Faults | Scripted | None" = None,
        **options: Unpack[CallOptions],
    ) -> Self:
        """The same client over the in-process emulator: no key, no network.

        Its vectors are a stand-in: English search is meaningful, other languages match by spelling only. They
        carry the engine's name (`EmbeddingResult.engine`) and must never be mixed with the service's.

        Args:
            engine: Makes the vectors; the built-in one by default.
            faults: What goes wrong, such as ``"status=503 x2, ok"``; see docs/emulator.md. Nothing by default.
            **options: As for `embed`.

        Raises:
            ConfigurationError: an option out of range, faults that cannot be, or a copy without the emulator.
        """
        try:  # only local mode pays
            from .emulator import Emulator, LocalTransport  # noqa: PLC0415
            from .emulator.faults.layer import layered  # noqa: PLC0415
        except ModuleNotFoundError as missing:
            if missing.name != f"{__package__}.emulator":
                raise
            raise ConfigurationError(
                "This copy of the client was vendored without the emulator, so it has no local mode."
            ) from None
        transport = LocalTransport(layered(Emulator(engine), faults))
        url, secret = configuration.LOCAL_URL, configuration.emulator_credential().reveal()
        client = cls(base_url=url, api_key=secret, transport=transport, **options)
        client._recipe = Recipe(cls.local, {"engine": engine, "faults": faults})
        return client

    def plan(self, texts: "Iterable[str]", **options: Unpack[CallOptions]) -> Plan:
        """What `embed` would send for these texts. Sends nothing.

        Args:
            texts: A sequence of str.
            **options: As for `embed`.

        Raises:
            InvalidInputError: a text that `embed` would refuse too.
            ConfigurationError: an option out of range.
        """
        from ._engine.planning import plan  # noqa: PLC0415 - loaded when it is used

        chosen = self._options.replaced(options)
        return plan(checked_texts(texts, replace=chosen.replace_surrogates), chosen)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(base_url={self._target.base_url!r}, model={self._options.model!r})"

    def __reduce__(self) -> Any:
        """Pickles the settings, never a key: where it is unpickled, the environment or a key provider gives one.

        Raises:
            TypeError: settings that cannot travel: ``auth``, ``transport``, ``http_client``, a proxy's password.
        """
        return self._recipe.reduced(self._target, self._carrier, self._limits, self._options)

    @property
    def _engine(self) -> "Engine":
        """The engine, made on first use: only then are the HTTP library and numpy loaded."""
        if self._closed:
            raise ClientClosedError("This client is closed. Make a new one.")
        if not self._engines:
            from ._engine.engine import Engine  # noqa: PLC0415 - see above

            made = Engine(self._target, self._carrier, self._user_agent, self._limits)
            self._engines.setdefault("", made)  # atomic; a lock could be held for ever in a forked child
        return self._engines[""]

    def _prepared(
        self, texts: Any, options: CallOptions, on_error: str
    ) -> "tuple[list[str], Options, bool, Callable[[EmbeddingResult], Vectors | EmbeddingResult]]":
        """Checked texts, merged options, whether failures are raised, and what to make of the result.

        It finds all that can be wrong before sending.
        """
        from ._engine.planning import check_fit  # noqa: PLC0415 - loaded when it is used

        chosen = self._options.replaced(options)
        raises = checked_on_error(on_error)
        alone, replace = isinstance(texts, str), chosen.replace_surrogates
        checked = [checked_text(texts, replace=replace)] if alone else checked_texts(texts, replace=replace)
        check_fit(checked, chosen)
        if alone:
            return checked, chosen, True, only_vector
        return checked, chosen, raises, all_or_raise if raises else as_it_is

    def _stream_options(self, options: CallOptions, on_error: str) -> tuple[Options, bool]:
        """Merged options of a stream, and whether failures are raised."""
        return self._options.replaced(options), checked_on_error(on_error)

    def _batches(self, texts: Any, options: Options) -> "Iterator[Batch]":
        """Batches of an iterable, each text checked as it is pulled."""
        from ._engine.planning import batches_of  # noqa: PLC0415 - loaded when it is used

        return batches_of(checked_source(texts, Iterable), options)

    def _async_batches(self, texts: Any, options: Options) -> "AsyncIterator[Batch]":
        """The same of an iterable or async iterable."""
        from ._engine.planning import batches_of_any  # noqa: PLC0415 - loaded when it is used

        return batches_of_any(checked_source(texts, Iterable | AsyncIterable), options)

    @staticmethod
    def _progress(callback: "Callback | None", show: bool) -> "Progress":  # noqa: FBT001 - one caller a face
        from ._engine.progress import Progress  # noqa: PLC0415 - loaded when it is used

        return Progress(callback, bar=show)
