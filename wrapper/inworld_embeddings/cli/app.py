"""The command line as a whole: its commands, its help, and errors as one line and an exit code."""

import difflib
import logging
import sys
from collections.abc import Iterator
from typing import Final

import click

from .. import about, errors
from ..models import DEFAULT_MODEL
from . import FAILED, INTERRUPTED, PAUSED, UNUSABLE
from .demo import LIVE
from .demo import run as run_demo
from .doctor import doctor
from .embed import embed
from .job import job
from .plan import plan
from .search import search
from .serve import serve
from .vendor import vendor

CODES: Final[dict[type[Exception], int]] = {
    errors.JobPausedError: PAUSED,
    errors.ConfigurationError: UNUSABLE,
    errors.InvalidInputError: UNUSABLE,
}
"""Exit codes of errors; of all others it is 1."""


def run() -> int:
    """Runs the command line; returns its exit code. Errors of standard output are for `streams.guarded`."""
    streams = sys.stdout, sys.stderr
    try:
        return int(app(standalone_mode=False) or 0)
    except click.ClickException as error:
        return _say(_with_the_way_out(error), UNUSABLE)
    except (click.Abort, KeyboardInterrupt):
        return _say("interrupted", INTERRUPTED)
    except SystemExit as stop:  # how click ends where there is no command to run
        if sys.stdout is not streams[0]:  # and what it does when the reader of our output has left
            sys.stdout, sys.stderr = streams
            raise BrokenPipeError from None
        return int(stop.code or 0)
    except ModuleNotFoundError as missing:
        if missing.name != "pyarrow":
            raise
        return _say(str(missing), UNUSABLE)
    except errors.InworldEmbeddingsError as error:
        return _say(
            str(error), next((code for kind, code in CODES.items() if isinstance(error, kind)), FAILED)
        )


def _say(message: str, code: int) -> int:
    click.echo(f"error: {' '.join(message.split())}", err=True)
    return code


def _with_the_way_out(error: click.ClickException) -> str:
    message = error.format_message()
    if not isinstance(error, click.UsageError) or error.ctx is None:
        return message
    path = error.ctx.command_path
    if (
        isinstance(error, click.NoSuchOption)
        and error.ctx.command in (embed, search)
        and not error.possibilities
    ):
        message += f" A text that begins with - goes behind --, as in: {path} -- {error.option_name}"
    return f"{message} Try '{path} --help' for help."


class _Commands(click.Group):
    """Knows what was probably meant, shows its help when it is given nothing, and the log with -v, here or behind."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        return super().parse_args(ctx, args or ["--help"])

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = difflib.get_close_matches(args[0], self.commands, 1)
            if not near or "Did you mean" in error.message:
                raise
            raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None


def _version(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if wanted:
        click.echo(f"inworld-embeddings, version {about()}")
        ctx.exit()


def _verbose(_ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:  # noqa: FBT001 - click's
    if wanted:
        logging.basicConfig(format="%(asctime)s %(name)s %(levelname)s: %(message)s")
        logging.getLogger("inworld_embeddings").setLevel(logging.DEBUG)


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.option(
    "-V",
    "--version",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_version,
    help="Show the versions and exit.",
)
def app() -> None:
    """Embeddings from Inworld's API, or from a local stand-in that needs no key.

    The key comes from INWORLD_API_KEY, or from INWORLD_KEY and INWORLD_SECRET.

    Exit codes: 0 done; 1 failed; 2 unusable arguments or settings; 3 some texts have no vector; 75 a job is paused; 130
    interrupted.
    """


@app.command()
@click.option("--live", is_flag=True, help=LIVE)
def demo(*, live: bool) -> int:
    """Embed a few texts and search them: no key, no network."""
    return run_demo(live=live)


def all_commands(command: click.Command) -> Iterator[click.Command]:
    """A command, and those in it."""
    yield command
    for inner in command.commands.values() if isinstance(command, click.Group) else ():
        yield from all_commands(inner)


for _command in (doctor, embed, job, plan, search, serve, vendor):
    app.add_command(_command)
for _command in all_commands(app):
    if any(param.name == "model" for param in _command.params):
        _command.epilog = f"\b\nThe default model is\n{DEFAULT_MODEL}"  # in one piece
    _command.params.append(
        click.Option(
            ["-v", "--verbose"],
            is_flag=True,
            expose_value=False,
            callback=_verbose,
            help="Show the log on standard error.",
        )
    )
