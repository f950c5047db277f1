"""``serve``: the emulator over HTTP, or the OpenAI-compatible face of the real API."""

import contextlib
import os

import click

from .. import EmbeddingClient
from ..errors import ConfigurationError


@click.command()
@click.option(
    "--host",
    default="127.0.0.1",
    show_default=True,
    help="Address to listen on; beyond loopback only with --key-from.",
)
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="Port; 0 picks a free one."
)
@click.option("--key-from", metavar="VARIABLE", help="Environment variable with the key:secret to ask for.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="A further Host name to answer to.")
@click.option(
    "--engine",
    metavar="ENGINE",
    help="What makes the vectors: local (default), hash[:DIMENSION], st:FOLDER_OR_ID, openai:URL#MODEL.",
)
@click.option("--engine-key-from", metavar="VARIABLE", help="Environment variable with the key for openai:.")
@click.option("--openai", is_flag=True, help="Answer OpenAI's /v1/embeddings too.")
@click.option("--upstream", is_flag=True, help="With --openai: the real API's vectors, with your key.")
@click.option("--base-url", metavar="URL", help="With --upstream: where the API is.")
@click.option("--playground/--no-playground", default=True, show_default=True, help="A page to try it at /.")
@click.option("--fault", metavar="SCRIPT", help="What goes wrong, such as 'status=503 x2, ok' or '30% drop'.")
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the percentages in --fault.")
@click.option("--chaos", is_flag=True, help="Let whoever has the key change the faults by a call.")
def serve(
    host: str,
    port: int,
    key_from: str | None,
    allow_host: tuple[str, ...],
    engine: str | None,
    engine_key_from: str | None,
    *,
    openai: bool,
    upstream: bool,
    base_url: str | None,
    playground: bool,
    fault: str | None,
    seed: int,
    chaos: bool,
) -> None:
    """Answer the embeddings API on this machine, with stand-in vectors."""
    # What this command alone needs: a tenth of a second that the others are spared.
    from inworld_embeddings_emulator import TEST_KEY  # noqa: PLC0415
    from inworld_embeddings_emulator.engines import named  # noqa: PLC0415
    from inworld_embeddings_emulator.faults import NOTHING, Faults  # noqa: PLC0415
    from inworld_embeddings_emulator.serving import serve as run  # noqa: PLC0415

    from ..gateway import serve_upstream  # noqa: PLC0415

    key = _from_environment("--key-from", key_from) or TEST_KEY
    engine_key = _from_environment("--engine-key-from", engine_key_from)
    if upstream:
        if fault is not None or chaos:
            raise ConfigurationError("--fault and --chaos are for the emulator, not for --upstream.")
        if not openai or engine or engine_key:
            raise ConfigurationError(
                "--upstream needs --openai, and has no --engine: its vectors are the API's."
            )
        with EmbeddingClient(base_url=base_url) as client:
            serve_upstream(client, host, port, api_key=key, allowed_hosts=allow_host)
        return
    if base_url:
        raise ConfigurationError(
            "--base-url is for --upstream, which sends there; serve sends nothing without it."
        )
    faults = Faults(NOTHING if fault is None else fault, seed=seed)
    with contextlib.ExitStack() as stack:
        made = named(engine or "local", api_key=engine_key)
        stack.callback(getattr(made, "close", lambda: None))
        run(
            host,
            port,
            api_key=key,
            engine=made,
            openai=openai,
            playground=playground,
            faults=faults,
            chaos=chaos,
            allowed_hosts=allow_host,
        )


def _from_environment(option: str, variable: str | None) -> str | None:
    value = os.environ.get(variable) if variable else None
    if variable and not value:
        raise ConfigurationError(  # What was given may be the key itself: it is not echoed.
            f"{option} names an environment variable that is not set, or is empty."
        )
    return value
