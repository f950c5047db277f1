"""``serve``: the emulator over HTTP."""

import os

import click

from ..errors import ConfigurationError


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="Beyond loopback only with --key-from.")
@click.option(
    "--port", type=click.IntRange(0, 65535), default=8080, show_default=True, help="0 picks a free one."
)
@click.option("--key-from", metavar="VARIABLE", help="Environment variable with the key:secret to ask for.")
@click.option("--allow-host", multiple=True, metavar="NAME", help="A further Host name to answer to.")
def serve(host: str, port: int, key_from: str | None, allow_host: tuple[str, ...]) -> None:
    """Answer the embeddings API on this machine, with stand-in vectors."""
    from ..emulator import TEST_KEY  # noqa: PLC0415 - only this command needs them
    from ..emulator.server import serve as run  # noqa: PLC0415

    key = TEST_KEY if key_from is None else os.environ.get(key_from)
    if not key:
        raise ConfigurationError(f"{key_from} is not set.")
    run(host, port, api_key=key, allowed_hosts=allow_host)
