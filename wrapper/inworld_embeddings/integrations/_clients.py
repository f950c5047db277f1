"""What all adapters share: their settings, and one client of each kind, made when it is first needed."""

from collections.abc import Iterable
from typing import Any, TypeVar, cast

from .._redaction import Secret, arguments_hidden
from .._settings import Settings, fingerprint, made_again, travelling
from ..client import AsyncEmbeddingClient, BaseClient, EmbeddingClient
from ..errors import ConfigurationError
from ..models import DEFAULT_MODEL
from ..options import KeyProvider

Client = TypeVar("Client", bound=BaseClient)


class Clients:
    """The clients of an adapter. They pickle without a key, as clients do; a copy in the process is the same object.

    Args:
        model: See `ClientOptions`, as for ``api_key``, ``base_url`` and the options.
        local: Whether they are in local mode.

    Raises:
        ConfigurationError: local mode with a key or an address. Other settings are checked when a client is made.
    """

    @arguments_hidden
    def __init__(
        self,
        model: str = DEFAULT_MODEL,
        api_key: str | KeyProvider | None = None,
        base_url: str | None = None,
        *,
        local: bool = False,
        **options: Any,
    ) -> None:
        if local and not (api_key is None and base_url is None):
            raise ConfigurationError("local=True takes no api_key= and no base_url=: it sends nothing.")
        self.model, self.base_url, self.local = model, base_url, local
        self._key = Secret(api_key) if isinstance(api_key, str) else api_key
        self._options = options
        self._made: dict[type[BaseClient], BaseClient] = {}

    @property
    def sync(self) -> EmbeddingClient:
        """The sync client."""
        return self._client(EmbeddingClient)

    @property
    def asynchronous(self) -> AsyncEmbeddingClient:
        """The async client, for any event loop."""
        return self._client(AsyncEmbeddingClient)

    def embed(self, texts: Iterable[str]) -> list[list[float]]:
        """A vector of floats for each text, in order. Raises as `EmbeddingClient.embed`."""
        return self.sync.embed(list(texts)).tolist()

    async def aembed(self, texts: Iterable[str]) -> list[list[float]]:
        """The same, awaited."""
        return (await self.asynchronous.embed(list(texts))).tolist()

    async def aclose(self) -> None:
        """Ends the connections that there are; the next text makes new ones."""
        if isinstance(client := self._made.pop(AsyncEmbeddingClient, None), AsyncEmbeddingClient):
            await client.close()
        self.close()

    def close(self) -> None:
        """As `aclose`, but for the async client's, which end with their event loop."""
        if isinstance(client := self._made.pop(EmbeddingClient, None), EmbeddingClient):
            client.close()

    def stored(self) -> dict[str, Any]:
        """What makes the same clients again, but for the key: plain values, to be stored by a framework."""
        return {"model": self.model, "base_url": self.base_url, "local": self.local, **self._options}

    def _client(self, kind: type[Client]) -> Client:
        made = self._made.get(kind)
        if made is None:
            key = self._key.reveal() if isinstance(self._key, Secret) else self._key
            options: dict[str, Any] = {"model": self.model, **self._options}
            if not self.local:
                options |= {"api_key": key, "base_url": self.base_url}
            made = (kind.local if self.local else kind)(**options)
            made = self._made.setdefault(kind, made)  # another thread may have been first
        return cast("Client", made)

    @property
    def address(self) -> str:
        """Where requests go."""
        return self._settings.base_url

    @property
    def _settings(self) -> Settings:
        return self.sync._settings  # noqa: SLF001 - as `made_again` asks a client

    def __reduce__(self) -> Any:
        provider = None if isinstance(self._key, Secret) else self._key
        given = travelling({**self.stored(), "api_key": provider})
        return made_again, (Clients, given, fingerprint(self._key) if isinstance(self._key, Secret) else None)

    def __deepcopy__(self, memo: object) -> "Clients":
        return self

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Clients) and self.stored() == other.stored()

    def __hash__(self) -> int:
        return hash((self.model, self.base_url, self.local))

    def __repr__(self) -> str:
        return f"Clients(model={self.model!r}, base_url={self.base_url!r}, local={self.local})"
