"""What the commands share: how they reach a client, and how they read texts."""

import sys
from collections.abc import Callable
from typing import Any, TypeVar

import click

from .. import EmbeddingClient
from ..options import CallOptions

Command = TypeVar("Command", bound=Callable[..., Any])


def client_options(command: Command) -> Command:
    """Adds --local, --model and --timeout. Keys come from the environment only: arguments show in process lists."""
    for option in (
        click.option("--timeout", type=float, metavar="SECONDS", help="For the whole call. Default 600."),
        click.option("--model", metavar="NAME", help="Default: the model of the spec's examples."),
        click.option("--local", is_flag=True, help="No key, no network: vectors of the built-in stand-in."),
    ):
        command = option(command)
    return command


def make_client(*, local: bool, model: str | None, timeout: float | None) -> EmbeddingClient:
    """The client that the options and the environment describe."""
    options = CallOptions()
    if model is not None:
        options["model"] = model
    if timeout is not None:
        options["timeout"] = timeout
    return EmbeddingClient.local(**options) if local else EmbeddingClient(**options)


def read_lines(path: str) -> list[str]:
    """The non-empty lines of a UTF-8 file, or of standard input for ``-``."""
    try:
        with click.open_file(path, encoding="utf-8-sig") as file:
            lines = [line.rstrip("\r\n") for line in file]
    except UnicodeDecodeError as error:
        raise click.UsageError(f"{path}: not UTF-8 at byte {error.start}.") from None
    except OSError as error:
        raise click.UsageError(f"{path}: {error.strerror}.") from None
    texts = [line for line in lines if line.strip()]
    if not texts:
        raise click.UsageError(f"{path}: no texts in it.")
    return texts


def texts_or_stdin(texts: tuple[str, ...]) -> list[str]:
    """The arguments, or the lines piped in when there are none."""
    if texts:
        return read_lines("-") if texts == ("-",) else list(texts)
    if sys.stdin.isatty():
        raise click.UsageError("Give texts as arguments, or pipe them in, one on each line.")
    return read_lines("-")


def shown(text: str, width: int = 60) -> str:
    """A text on one line, cut, without control characters that could drive the terminal."""
    line = "".join(char if char.isprintable() else " " for char in text)
    return line if len(line) <= width else line[: width - 1] + "…"


def name_engine(engine: str | None) -> None:
    """Says on standard error that vectors are a stand-in, when they are."""
    if engine:
        click.echo(f"engine: {engine} (a local stand-in; never mix its vectors with the service's)", err=True)
