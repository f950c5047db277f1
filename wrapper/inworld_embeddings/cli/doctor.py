"""``doctor``: how the client is set up here, and how far it gets."""

import json
import sys
from collections.abc import Iterable, Iterator
from itertools import chain

import click

from . import FAILED, UNUSABLE
from .options import client_of, json_option, model_option

MARKS = {"ok": "ok  ", "note": "note", "bad": "BAD "}


@click.command(short_help="Say how the client is set up, and how far a request gets.")
@click.option("--live", is_flag=True, help="Embed three texts, to see whether the service takes the key.")
@click.option(
    "--limits", is_flag=True, help="Find out how many texts and bytes the service takes in one request."
)
@click.option("--yes", is_flag=True, help="Do not ask before --limits sends anything.")
@model_option
@json_option
def doctor(*, live: bool, limits: bool, yes: bool, model: str | None, as_json: bool) -> int:
    """Say how the client is set up here and how far a request gets, fit for a bug report.

    It shows no key. Without --live and --limits it sends one request, without a key and without a text.
    """
    from .. import _doctor as checks  # noqa: PLC0415 - each command loads what it needs

    if limits and not yes:
        click.echo(f"--limits sends {checks.LIMITS}. Nothing is known about its price.", err=True)
        if not sys.stdin.isatty():
            click.echo("error: say --yes to send it.", err=True)
            return UNUSABLE
        click.confirm("Send it?", abort=True, err=True)
    if live:
        click.echo(f"--live sends {checks.LIVE}.", err=True)

    settings, key = checks.settings_of()
    findings: Iterator[checks.Finding] = checks.setup(settings, key)
    if settings is not None:
        findings = chain(findings, checks.reach(settings))
    if key.state == "ok" and (live or limits):
        client = client_of(local=False, model=model, timeout=120, max_retries=0)
        findings = chain(
            findings, checks.live(client) if live else (), checks.limits(client) if limits else ()
        )
    return _show(findings, as_json=as_json)


def _show(findings: Iterable[tuple[str, str, str]], *, as_json: bool) -> int:
    bad = False
    for subject, state, told in findings:
        bad |= state == "bad"
        if as_json:
            click.echo(json.dumps({"subject": subject, "state": state, "told": told}))
        else:
            click.echo(f"{MARKS[state]}  {subject + ':':<13} {told}")
    return FAILED if bad else 0
