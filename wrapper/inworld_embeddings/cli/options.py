"""Options that several commands have, and the client that they make."""

from typing import TYPE_CHECKING, Any, Final

import click

from .. import EmbeddingClient
from .._settings import LOCAL_URL
from ..options import CALL

if TYPE_CHECKING:
    from ..jobs.manifest import Manifest

# Keys come from the environment only: arguments show in process lists.

local_option: Final = click.option(
    "--local", is_flag=True, help="Make the vectors of the built-in stand-in: no key, no network."
)
model_option: Final = click.option(
    "--model", metavar="NAME", help="Use this model. The default is named below."
)
rate_limit_option: Final = click.option(
    "--rate-limit",
    type=click.FloatRange(min=0, min_open=True),
    metavar="PER_SECOND",
    help="Send at most so many requests a second, if you know your quota.",
)
timeout_option: Final = click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="SECONDS",
    help=f"Give each request so long, retries and waits included. The default is {CALL['timeout'].default:g}.",
)
batch_size_option: Final = click.option(
    "--batch-size",
    type=click.IntRange(min=1),
    metavar="TEXTS",
    help=f"Send at most so many texts in a request. The default is {CALL['batch_size'].default}.",
)
concurrency_option: Final = click.option(
    "--concurrency",
    "max_concurrency",
    type=click.IntRange(min=1),
    metavar="REQUESTS",
    help=f"Have at most so many requests in flight. The default is {CALL['max_concurrency'].default}.",
)
cache_option: Final = click.option(
    "--cache", metavar="FILE", help="Keep vectors in FILE, and send no text whose vector is there."
)
json_option: Final = click.option(
    "--json", "as_json", is_flag=True, help="Print JSON lines on standard output."
)


def unusable(message: str) -> click.UsageError:
    """An error of the command that runs, with the way to its help."""
    return click.UsageError(message, click.get_current_context())


def client_of(*, local: bool, **options: Any) -> EmbeddingClient:
    """The client that options describe; None stands for the client's own default."""
    given = {name: value for name, value in options.items() if value is not None}
    return EmbeddingClient.local(**given) if local else EmbeddingClient(**given)


def client_like(
    manifest: "Manifest", out: object, *, local: bool, model: str | None, **options: Any
) -> EmbeddingClient:
    """A client that makes vectors as those in OUT were made; it needs neither --model nor --local."""
    from ..jobs.service import like  # noqa: PLC0415 - needs the extra `jobs`

    if model not in (None, manifest.model):
        raise unusable(f"The vectors in {out} are of {manifest.model}: leave out --model.")
    if local and manifest.host != LOCAL_URL:
        raise unusable(f"The vectors in {out} are not the local engine's: leave out --local.")
    return like(manifest, **{name: value for name, value in options.items() if value is not None})
