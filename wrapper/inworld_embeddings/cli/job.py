"""``job``: embed a table into a folder, and look after the folder."""

import dataclasses
import functools
import importlib
import itertools
import json
import shlex
import sys
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, Any, Final

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from ..errors import ConfigurationError
from . import INTERRUPTED, PAUSED, REFUSED, counted
from .options import (
    cache_option,
    client_like,
    client_of,
    json_option,
    local_option,
    model_option,
    rate_limit_option,
)
from .plan import in_words, say_plan
from .signals import orderly

if TYPE_CHECKING:
    from .. import EmbeddingClient
    from ..jobs import JobEvent, JobReport, OpenJob

PACKAGES: Final = {"ray": "ray", "spark": "pyspark", "daft": "daft"}
"""The engines that a job can run on, and what each of them imports."""
EVERY: Final = 10.0
"""Seconds between two lines where there is no terminal."""


@click.group(short_help="Embed a table of any size into a folder of Parquet files.")
def job() -> None:
    """Embed a table of any size into a folder of Parquet files, and go on after any interruption.

    Exit codes: 0 done; 1 failed; 2 unusable arguments; 3 done, with refused rows;
    75 paused or not finished: run the same command again; 130 interrupted.
    """


_OF_A_RUN: Final = [
    rate_limit_option,
    click.option(
        "--patience",
        type=float,
        default=900.0,
        show_default=True,
        metavar="SECONDS",
        help="Pause after so long without any success.",
    ),
    click.option(
        "--other-versions", is_flag=True, help="Go on under another version of pyarrow or of this package."
    ),
    cache_option,
    json_option,
    local_option,
    model_option,
]


def _with_options_of_a_run(command: Callable[..., int]) -> Callable[..., int]:
    return functools.reduce(lambda made, option: option(made), reversed(_OF_A_RUN), command)


@job.command()
@click.argument("inputs", nargs=-1, required=True, metavar="INPUT...")
@click.option("-o", "--out", required=True, metavar="OUT", help="The job's folder.")
@click.option("--text", metavar="COLUMN", help="Column to embed. Default: the only one of strings.")
@click.option("--id", "id_column", metavar="COLUMN", help="Column that names the rows; carried into OUT.")
@click.option("--keep", multiple=True, metavar="COLUMN", help="Another column to carry; may be repeated.")
@click.option(
    "--rows-per-part",
    type=click.IntRange(min=1),
    default=16384,
    show_default=True,
    help="Put so many rows into each part.",
)
@click.option(
    "--on-refused",
    type=click.Choice(["keep", "stop"]),
    default="keep",
    show_default=True,
    help="Keep a refused row with its reason and go on, or stop.",
)
@click.option("--max-rows", type=click.IntRange(min=1), help="Embed at most so many rows, the first ones.")
@click.option(
    "--engine",
    type=click.Choice(list(PACKAGES)),
    help="Have the parts made by the workers of a cluster. Without it, by this process.",
)
@click.option("--address", help="Address of that cluster. Default: one of this machine, for this run.")
@click.option(
    "--workers", type=click.IntRange(min=1), help="How many workers. Default: one a processor of the cluster."
)
@click.option("--dry-run", is_flag=True, help="Say what would be sent. Sends nothing, needs no key.")
@_with_options_of_a_run
def run(inputs: tuple[str, ...], out: str, **given: Any) -> int:
    """Embed the rows of INPUT, or go on where an earlier run stopped.

    INPUT is Parquet, Arrow, JSON Lines, CSV, TSV or text files, a glob, or a folder.
    """
    run_on = _run_by(given["engine"], address=given["address"], workers=given["workers"])
    options: dict[str, Any] = {
        "text": given["text"],
        "id": given["id_column"],
        "keep": given["keep"],
        "rows_per_part": given["rows_per_part"],
        "max_rows": given["max_rows"],
    }
    if given["dry_run"]:
        of_client = {name: given[name] for name in ("model", "cache")}
        how = {name: given[name] for name in ("rate_limit", "as_json", "local")}
        say_plan(inputs, of_client, out=out, **how, **options)
        return 0
    try:
        client = client_of(**_of_client(given))
    except ConfigurationError:  # what is wrong with the input comes before a missing key
        from ..jobs import plan_job  # noqa: PLC0415 - needs the extra `jobs`

        plan_job(inputs, out, **dict[str, Any](options, max_rows=1))
        raise
    work = functools.partial(run_on, inputs, out, client=client, on_refused=given["on_refused"], **options)
    return _watched(client, work, given)


def _run_by(engine: str | None, **of_engine: Any) -> "Callable[..., JobReport]":
    """What runs a job."""
    named = {name: value for name, value in of_engine.items() if value is not None}
    if engine is None:
        from ..jobs import run_job  # noqa: PLC0415 - needs the extra `jobs`

        for name in named:
            raise click.UsageError(f"--{name} is for a cluster: name its engine with --engine.")
        return run_job
    if engine == "daft" and "address" in named:
        raise click.UsageError("--engine daft runs on this machine, and takes no --address.")
    try:
        made = importlib.import_module(f"..distributed.{engine}", __package__)
    except ModuleNotFoundError as missing:
        if (missing.name or "").split(".")[0] != PACKAGES[engine]:
            raise
        raise click.UsageError(
            f"--engine {engine} needs the extra `{engine}` (pip install 'inworld-embeddings[{engine}]')."
        ) from None
    return functools.partial(made.run_job, **named)


@job.command()
@click.argument("out")
@_with_options_of_a_run
def retry(out: str, **given: Any) -> int:
    """Send the refused rows of the job in OUT again.

    They go to the model that made the others.
    """
    from ..jobs import retry_job  # noqa: PLC0415 - needs the extra `jobs`
    from ..jobs.files import place  # noqa: PLC0415 - as above
    from ..jobs.manifest import Manifest  # noqa: PLC0415 - as above

    client = client_like(Manifest.needed(place(out)), out, **_of_client(given))
    return _watched(client, functools.partial(retry_job, out, client=client), given)


def _of_client(given: dict[str, Any]) -> dict[str, Any]:
    return {name: given[name] for name in ("local", "model", "rate_limit", "cache")}


@job.command()
@click.argument("out")
@json_option
def status(out: str, *, as_json: bool) -> int:
    """Say how far the job in OUT is."""
    from ..jobs import open_job  # noqa: PLC0415 - needs the extra `jobs`

    there = open_job(out)
    told = {
        "out": str(there.out),
        "finished": there.finished,
        "rows": there.rows,
        "refused": there.refused,
        "parts": there.parts,
        "model": there.manifest.model,
        "engine": there.manifest.engine,
        "dimension": there.manifest.dimension,
        "created": there.manifest.created,
        "inputs": [file.path for file in there.manifest.inputs],
    }
    if as_json:
        click.echo(json.dumps(told))
    else:
        state = "finished" if there.finished else "not finished: run the same `job run` again"
        click.echo(f"{_rows(there)}; {state}.")
        engine = f" (engine {there.manifest.engine})" if there.manifest.engine else ""
        click.echo(f"Model {there.manifest.model}{engine}, {there.manifest.dimension} dimensions.")
        for row in itertools.islice(there.refused_rows(), 5):
            click.echo(f"  row {row['row']}: {row['code']}: {row['message']}")
    return _code_of(refused=there.refused) if there.finished else PAUSED


@job.command()
@click.argument("out")
@json_option
def verify(out: str, *, as_json: bool) -> int:
    """Read every part in OUT and remove the bad ones.

    The next run makes them again.
    """
    from ..jobs import verify_job  # noqa: PLC0415 - needs the extra `jobs`

    bad = verify_job(out)
    if as_json:
        click.echo(json.dumps({"out": out, "bad": bad}))
        return int(bool(bad))
    for name, why in bad.items():
        click.echo(f"{name}: {why}.")
    if not bad:
        click.echo("All parts are good.")
    return int(bool(bad))


@job.command()
@click.argument("out")
@click.argument("file")
def export(out: str, file: str) -> int:
    """Put all rows of OUT into one FILE.

    The name of FILE ends with .parquet, .npy (vectors alone), .jsonl, .csv or .lance.
    """
    from ..jobs import export_job, open_job  # noqa: PLC0415 - needs the extra `jobs`

    rows = export_job(out, file)
    click.echo(f"{counted(rows, 'row')} in {file}.")
    return _code_of(refused=open_job(out).refused)


def _code_of(*, refused: int) -> int:
    return REFUSED if refused else 0


# Running.


def _watched(client: "EmbeddingClient", work: "Callable[..., JobReport]", given: dict[str, Any]) -> int:
    """Runs a job with its progress shown, and closes the client; returns the exit code."""
    stop = threading.Event()
    shown = _Json() if given["as_json"] else _Bar() if sys.stderr.isatty() else _Lines()
    shown.rate_limit = given["rate_limit"]

    def finish() -> None:
        stop.set()
        shown.say(
            "Finishing the parts that are begun (30 s at most). Ctrl-C again stops at once; nothing published is lost."
        )

    def show(event: "JobEvent") -> None:
        with suppress(OSError):  # nobody reads it any more
            shown.event(event)

    with client, orderly(finish), shown:
        report = work(
            patience=given["patience"],
            other_versions=given["other_versions"],
            stop=stop,
            on_event=show,
        )
    shown.report(report)
    return _code_of(refused=report.refused) if report.finished else INTERRUPTED


class _Shown:
    """What a person or a program sees of a job."""

    rate_limit: float | None = None

    def __enter__(self) -> None: ...

    def __exit__(self, *_: object) -> None: ...

    def event(self, event: "JobEvent") -> None:
        """Shows how the job goes."""
        raise NotImplementedError

    def say(self, message: str) -> None:
        """A message for a person."""
        click.echo(message, err=True)

    def report(self, report: "JobReport") -> None:
        """The summary, and the command to type next."""
        rate = f", {report.sent / report.seconds:.0f} rows/s" if report.sent and report.seconds else ""
        cached = f", {report.cache_hits} from the cache" if report.cache_hits else ""
        click.echo(
            f"{_rows(report)}. This run: {counted(report.sent - report.cache_hits, 'row')} sent in "
            f"{counted(report.requests, 'request')} ({counted(report.retries, 'retry', 'retries')}){cached}, "
            f"{report.seconds:.1f} s{rate}."
        )
        for name in report.foreign:
            click.echo(f"Not of this job, but read with it: {report.out / name}. Put it elsewhere.")
        out = shlex.quote(str(report.out))
        if not report.finished:
            click.echo(f"Stopped. To go on: {_typed()}")
        elif report.refused:
            click.echo(
                f"The refused rows and why: {report.out / '_errors.jsonl'}\nTo send again what the service refused: inworld-embeddings job retry {out}"
            )
        else:
            click.echo(f"To read it: pyarrow.parquet.read_table({str(report.out)!r})")


def _rows(there: "OpenJob | JobReport") -> str:
    return f"{counted(there.rows, 'row')} in {counted(there.parts, 'part')}, {there.refused} refused"


def _typed() -> str:
    return shlex.join(["inworld-embeddings", *sys.argv[1:]])


class _Lines(_Shown):
    """A line every ten seconds."""

    def __init__(self) -> None:
        self._last = time.monotonic()

    def event(self, event: "JobEvent") -> None:
        if event.kind == "start":
            self.say(_started(event, self.rate_limit))
        elif time.monotonic() - self._last >= EVERY:
            self._last = time.monotonic()
            self.say(_line(event))


class _Json(_Shown):
    """Each event as a JSON line."""

    def event(self, event: "JobEvent") -> None:
        click.echo(json.dumps(dataclasses.asdict(event)))

    def report(self, report: "JobReport") -> None:
        click.echo(json.dumps({"kind": "done", **dataclasses.asdict(report)}, default=str))


class _Bar(_Shown):
    """One bar on the terminal."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.percentage:>3.0f}%"), BarColumn(), TimeRemainingColumn())
        self._bar = Progress(
            *columns, TextColumn("{task.fields[line]}", markup=False), console=Console(stderr=True)
        )
        self._task: TaskID = self._bar.add_task("", total=None, line="")

    def __enter__(self) -> None:
        self._bar.start()

    def __exit__(self, *_: object) -> None:
        self._bar.stop()

    def say(self, message: str) -> None:
        self._bar.console.print(message, markup=False, highlight=False)

    def event(self, event: "JobEvent") -> None:
        if event.kind == "start":
            self.say(_started(event, self.rate_limit))
        self._bar.update(self._task, completed=event.rows, total=event.total, line=_line(event))


def _started(event: "JobEvent", rate_limit: float | None) -> str:
    if event.plan is not None:
        return f"To send: {in_words(event.plan, rate_limit)}."
    return f"Going on after {counted(event.rows, 'row')}."


def _line(event: "JobEvent") -> str:
    if event.kind == "waiting":
        return f"{counted(event.rows, 'row')}; waiting for the service: {event.message}"
    rows = f"{event.rows} of {counted(event.total, 'row')}" if event.total else counted(event.rows, "row")
    rate = event.sent / event.seconds if event.seconds else 0.0
    cached = f", {event.cache_hits} from the cache" if event.cache_hits else ""
    throttled = ", throttled" if event.throttled else ""
    return (
        f"{rows}, {rate:.0f} rows/s, {event.in_flight} in flight, {counted(event.retries, 'retry', 'retries')}, "
        f"{event.refused} refused{cached}{throttled}"
    )
