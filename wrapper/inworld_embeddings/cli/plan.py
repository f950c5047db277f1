"""``plan``: what a job over an input would send. `job run --dry-run` says the same."""

import dataclasses
import json
import sys
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import click

from . import counted
from .lines import blocks_of
from .options import batch_size_option, cache_option, client_of, json_option, model_option, rate_limit_option

if TYPE_CHECKING:
    from ..jobs import JobPlan


@click.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("--text", metavar="COLUMN", help="Embed this column. The default is the only one of strings.")
@batch_size_option
@rate_limit_option
@cache_option
@json_option
@model_option
def plan(
    inputs: tuple[str, ...],
    text: str | None,
    rate_limit: float | None,
    *,
    as_json: bool,
    **of_client: Any,
) -> None:
    """Say what embedding INPUT would send. Nothing is sent, and no key is needed.

    INPUT is whatever `job run` takes: Parquet, Arrow, JSON Lines, CSV, TSV or text files, a glob, a folder; or - for the
    lines of standard input, without the blank ones.
    """
    with ExitStack() as held:
        if inputs == ("-",):
            inputs = (_kept(Path(held.enter_context(TemporaryDirectory()), "lines.txt")),)
        say_plan(inputs, of_client, rate_limit, as_json=as_json, text=text)


def _kept(path: Path) -> str:
    """The lines of standard input in a file, which a plan can be made of."""
    with path.open("wb") as file:
        for block in blocks_of(sys.stdin.buffer, "standard input"):
            file.writelines(line.text.encode("utf-8", "surrogateescape") + b"\n" for line in block)
    return str(path)


def say_plan(
    inputs: Sequence[str],
    of_client: dict[str, Any],
    rate_limit: float | None,
    *,
    as_json: bool,
    local: bool = False,
    out: str | None = None,
    **of_job: Any,
) -> None:
    """Prints what a job with these options would send."""
    from ..jobs import plan_job  # noqa: PLC0415 - needs the extra `jobs`

    key = {} if local else {"api_key": lambda: ""}  # never asked: nothing is sent
    with client_of(local=local, **key, **of_client) as client:
        made = plan_job(inputs, out, client=client, **of_job)
    if as_json:
        click.echo(json.dumps({"kind": "plan", **dataclasses.asdict(made)}))
    else:
        click.echo(in_words(made, rate_limit))


def in_words(plan: "JobPlan", rate_limit: float | None) -> str:
    """A plan as a line."""
    about = "" if plan.exact else "about "
    size = f"{counted(plan.bytes, 'byte')}, some {counted(plan.tokens, 'token')}"
    parts = [f"{about}{counted(plan.rows, 'row')} in {counted(plan.requests, 'request')}, {size}"]
    if plan.cache_hits:
        parts.append(f"{about}{counted(plan.cache_hits, 'row')} in the cache")
    if plan.refused:
        parts.append(f"{about}{counted(plan.refused, 'row')} that cannot be sent")
    if plan.long_texts:
        parts.append(f"{about}{counted(plan.long_texts, 'text')} longer than the model reads")
    if rate_limit:
        parts.append(f"{plan.requests / rate_limit / 60:.1f} minutes at {rate_limit:g} requests a second")
    return "; ".join(parts)
