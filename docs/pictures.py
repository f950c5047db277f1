"""Draws the pictures of the pages, each for light and dark: ``nox -s pictures``.

The screenshots of the playground are made by ``nox -s playground``, the plots of performance.md by ``nox -s bench``.
"""

import io
import itertools
import os
import pty
import random
import subprocess
import sys
import tempfile
from collections.abc import Callable
from math import inf
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.patches import FancyBboxPatch
from rich.console import Console
from rich.terminal_theme import DEFAULT_TERMINAL_THEME, MONOKAI
from rich.text import Text

from inworld_embeddings import errors
from inworld_embeddings._retry import Budget, Retry, RetryPolicy, Spent, decide

FOLDER = Path(__file__).resolve().parent / "_static" / "pictures"
mpl.rcParams.update({"svg.hashsalt": "inworld-embeddings", "svg.fonttype": "none", "font.size": 9})
INK = {"": "#1f2328", "-dark": "#e6edf3"}
QUIET = {"": "#eef2f7", "-dark": "#21262d"}
COLOUR = {"good": "#2da44e", "bad": "#cf222e", "wait": "#8c959f", "ours": "#1f6feb"}


def main() -> None:
    """Draws all of them, or those that are named."""
    wanted = sys.argv[1:] or list(PICTURES)
    for name, theme in itertools.product(wanted, INK):
        PICTURES[name](theme, FOLDER / f"{name}{theme}.svg")


def _canvas(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height))
    axes = figure.add_axes((0, 0, 1, 1))
    axes.set_axis_off()
    return figure, axes


def _save(figure: Figure, path: Path) -> None:
    figure.savefig(path, metadata={"Date": None}, transparent=True)


LAYERS = [
    ("command line · jobs · integrations", "cli/ · jobs/ · integrations/"),
    ("the two clients: options, checks, results", "client.py · options.py · result.py"),
    ("the engine: window, batches, attempts, permits", "_engine/"),
    (
        "pure decisions: batching, retry, throttle, decoding, errors",
        "_batching.py · _retry.py · _throttle.py",
    ),
    ("the generated client: paths, headers, models", "_api.py → inworld_embeddings_client"),
    ("transport: HTTP/1.1, TLS, proxies, or the emulator", "_http/ · inworld_embeddings_emulator"),
]


def layers(theme: str, path: Path) -> None:
    """The layers, top to bottom, with the modules that hold them."""
    figure, axes = _canvas(7, 3.4)
    for row, (what, where) in enumerate(LAYERS):
        top = 1 - (row + 1) / len(LAYERS)
        box = FancyBboxPatch(
            (0.01, top + 0.02), 0.98, 0.12, boxstyle="round,pad=0.004", fc=QUIET[theme], ec="none"
        )
        axes.add_patch(box)
        axes.text(0.03, top + 0.08, what, va="center", color=INK[theme], weight="bold")
        axes.text(
            0.97, top + 0.08, where, va="center", ha="right", color=COLOUR["wait"], family="monospace", size=7
        )
    _save(figure, path)


RESPONSES = [
    (0.12, errors.InternalServerError("", status_code=503)),
    (0.10, errors.InternalServerError("", status_code=503)),
    (0.05, errors.RateLimitError("", status_code=429, retry_after=1.0)),
    (0.15, None),
]
"""Seconds until each response, and the error it is."""


def retries(theme: str, path: Path) -> None:
    """The attempts of one batch, with the waits that the package's own policy draws between them."""
    policy, spent, budget, draws = RetryPolicy(), Spent(), Budget(50, 0.5, left=50), random.Random(4)
    figure, axes = _canvas(7, 1.5)
    now = 0.0
    for seconds, error in RESPONSES:
        status = error.status_code if error else 200
        axes.barh(0, seconds, left=now, height=0.5, color=COLOUR["bad" if error else "good"])
        axes.text(now + seconds / 2, 0.36, str(status), ha="center", color=INK[theme])
        now += seconds
        if error is None:
            break
        step = decide(
            error,
            spent,
            texts=128,
            max_retries=3,
            remaining=inf,
            policy=policy,
            budget=budget,
            random=draws.random,
        )
        if not isinstance(step, Retry):
            raise TypeError(step)
        spent.note(step.kind)
        axes.barh(0, step.wait, left=now, height=0.06, color=COLOUR["wait"])
        if step.wait > 0.2:
            told = f"waits {step.wait:.2f} s: the server asked for {error.retry_after:g} s"
            axes.text(now + step.wait / 2, -0.3, told, ha="center", color=COLOUR["wait"])
        now += step.wait
    axes.text(now, -0.45, f"done after {now:.2f} s", ha="right", color=INK[theme])
    axes.set_ylim(-0.6, 0.7)
    _save(figure, path)


PARTS = 8
KILLED_IN = 4


def parts(theme: str, path: Path) -> None:
    """A job's life: parts are published one by one; after a kill, the same command makes the missing ones."""
    figure, axes = _canvas(7, 1.9)
    for row, told in enumerate(["job run …   killed", "job run …   again"]):
        axes.text(0, -row, told, va="center", color=INK[theme], family="monospace")
        for number in range(PARTS):
            there = number < KILLED_IN
            colour = COLOUR["wait"] if there and row else COLOUR["good"]
            if not row and not there:
                colour = COLOUR["bad"] if number == KILLED_IN else QUIET[theme]
            axes.barh(-row, 0.9, left=3.4 + number, height=0.6, color=colour)
            axes.text(3.85 + number, -row, f"{number}", ha="center", va="center", color=INK[theme])
    axes.text(
        0,
        -1.75,
        "grey: there already, not sent again · red: begun, not published · green: published",
        color=COLOUR["wait"],
    )
    axes.set_xlim(0, 3.4 + PARTS)
    axes.set_ylim(-2, 0.5)
    _save(figure, path)


def job(theme: str, path: Path) -> None:
    """What a job prints in a terminal."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder, "faq.txt").write_text("".join(f"Question number {n}\n" for n in range(5_000)), "utf-8")
        lines = ["job run faq.txt -o vectors/ --local --rows-per-part 1024", "job status vectors/"]
        console = Console(record=True, width=96, file=io.StringIO())
        for line in lines:
            console.print(Text("$ inworld-embeddings " + line, style="bold"))
            console.print(Text.from_ansi(_last_screen(line.split(), folder)))
        colours = MONOKAI if theme else DEFAULT_TERMINAL_THEME
        console.save_svg(str(path), title="inworld-embeddings", theme=colours, unique_id="job")


def _last_screen(arguments: list[str], folder: str) -> str:
    """What a command leaves on a terminal: of lines that were drawn over, the last."""
    master, terminal = pty.openpty()
    command = [sys.executable, "-m", "inworld_embeddings", *arguments]
    environment = {**os.environ, "COLUMNS": "96", "TERM": "xterm-256color"}
    with subprocess.Popen(command, cwd=folder, stdout=terminal, stderr=terminal, env=environment):
        os.close(terminal)
        printed = b""
        while True:
            try:
                printed += os.read(master, 65536)
            except OSError:  # the program has ended
                break
    os.close(master)
    lines = printed.decode().replace("\r\n", "\n").split("\n")
    return "\n".join(line.rsplit("\r", 1)[-1] for line in lines)


PICTURES: dict[str, Callable[[str, Path], None]] = {
    "layers": layers,
    "retries": retries,
    "parts": parts,
    "job": job,
}

if __name__ == "__main__":
    main()
