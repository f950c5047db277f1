"""Models and providers by name.

The table holds what is public (docs/understand/api-facts.md); the service may know more. A model that is not in it can be used all
the same: its name is passed on as it is.
"""

from enum import StrEnum
from typing import NamedTuple

from .errors import ConfigurationError


class ServiceProvider(StrEnum):
    """Who hosts the model [spec]. A test keeps these names equal to the spec's enum."""

    UNSPECIFIED = "SERVICE_PROVIDER_UNSPECIFIED"
    INWORLD = "SERVICE_PROVIDER_INWORLD"
    OPENAI = "SERVICE_PROVIDER_OPENAI"


class OtherServiceProvider(str):
    """A provider name this version does not know, sent as it is: the escape from the check of `service_provider`.

    The server silently uses its default provider for a name it does not know [source], so be sure of it.
    """

    __slots__ = ()


class Model(NamedTuple):
    """What is known about a model.

    Attributes:
        name: As the API wants it.
        service_provider: Who hosts it.
        dimension: Length of its vectors.
        max_tokens: Longest input its makers name, in tokens. What the service does with longer ones is not known.
    """

    name: str
    service_provider: ServiceProvider
    dimension: int
    max_tokens: int


DEFAULT_MODEL = "sentence-transformers/paraphrase-multilingual-mpnet-base-v2"
"""The model of every example in the spec. The service's own default is not named anywhere, so it is not relied on."""

MODELS: dict[str, Model] = {
    model.name: model
    for model in (
        # [spec] examples, model card
        Model(DEFAULT_MODEL, ServiceProvider.INWORLD, 768, 128),
        # [inworld] sample, model card
        Model("BAAI/bge-large-en-v1.5", ServiceProvider.INWORLD, 1024, 512),
        # [inworld] docs, OpenAI
        Model("text-embedding-ada-002", ServiceProvider.OPENAI, 1536, 8191),
    )
}


def provider_of(model: str) -> ServiceProvider:
    """The provider of a known model; Inworld for others, as the spec says of an unspecified one."""
    known = MODELS.get(model)
    return known.service_provider if known else ServiceProvider.INWORLD


def checked_provider(value: str) -> str:
    """The exact name of a provider.

    Raises:
        ConfigurationError: a name that is not in the spec. The server would ignore it silently.
    """
    if isinstance(value, OtherServiceProvider):
        return value
    try:
        return ServiceProvider(value).value
    except ValueError:
        raise ConfigurationError(
            f"service_provider must be one of {', '.join(ServiceProvider)}. The server silently ignores any other name; "
            "wrap one that is newer than this client in OtherServiceProvider(...)."
        ) from None
