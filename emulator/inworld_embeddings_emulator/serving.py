"""The emulator in a terminal: serves until it is told to stop, and says how to reach it."""

import contextlib
import signal
import sys
import threading
from collections.abc import Callable, Collection, Iterator
from typing import TYPE_CHECKING, TextIO

from .engines import Engine
from .faults import ADMIN_PATH, Faults
from .handle import TEST_KEY, Emulator
from .server import EmulatorServer

if TYPE_CHECKING:
    from .messages import Handler


def serve(
    host: str = "127.0.0.1",
    port: int = 8080,
    *,
    api_key: str = TEST_KEY,
    engine: Engine | None = None,
    openai: bool = False,
    playground: bool = True,
    faults: Faults | str | None = None,
    chaos: bool = False,
    allowed_hosts: Collection[str] = (),
    out: TextIO | None = None,
    log: TextIO | None = None,
) -> None:
    """Serves until SIGINT or SIGTERM; prints how to reach it and what its vectors are.

    Args:
        host: Address to listen on. Other than loopback needs an ``api_key`` of its own.
        port: 0 picks a free one.
        api_key: The one ``key:secret`` it knows.
        engine: Makes the vectors; by default the built-in one.
        openai: Serve ``/v1/embeddings`` too, see `openai_face`.
        playground: Show a page at ``/`` to try it in a browser, see `playground`.
        faults: What goes wrong, see `faults.reader`; by default nothing but what a request's header asks for.
        chaos: Whether whoever has the key may change that by a call.
        allowed_hosts: ``Host`` names it serves beside loopback and its own address.
        out: Where the notice goes; by default standard output.
        log: Where a line for each reply goes; by default standard error.

    Raises:
        ConfigurationError: as `EmulatorServer` and `Emulator`, or the built-in engine cannot be loaded.
        OSError: it cannot listen there; says what to do.
    """
    emulator = Emulator(engine, api_key)
    handler: Handler = emulator
    if openai:
        from .openai_face import OpenAIFace  # noqa: PLC0415 - only when asked for

        handler = OpenAIFace.local(emulator.engine, api_key)
    if playground:
        from .playground import Playground  # noqa: PLC0415 - as above

        handler = Playground(handler, emulator.engine, built_in=engine is None, chaos=chaos)
    server = EmulatorServer(
        handler,
        host=host,
        port=port,
        allowed_hosts=allowed_hosts,
        log=log or sys.stderr,
        faults=faults,
        chaos=chaos,
    )

    def notice() -> str:
        lines = [_notice(server, emulator, built_in=engine is None)]
        if openai:
            lines.append(openai_notice(server, uses_test_key=emulator.uses_test_key))
        if faults is not None:
            lines.append(f"Faults: {server.faults.script} (seed {server.faults.seed})\n")
        if chaos:
            lines.append(f"Chaos is on: GET, PUT and DELETE {server.url}{ADMIN_PATH}\n")
        if playground:
            lines.append(f"Playground: {server.url}/\n")
        return "".join(lines)

    run(server, notice, out)


def run(server: EmulatorServer, notice: Callable[[], str], out: TextIO | None = None) -> None:
    """Serves until SIGINT or SIGTERM.

    Args:
        server: Started and stopped here.
        notice: What to print once it listens.
        out: Where that goes; by default standard output.

    Raises:
        OSError: it cannot listen there; says what to do.
    """
    with _stop_signal() as stopped, server:
        output = out or sys.stdout
        output.write(notice())
        output.flush()
        while not stopped.wait(0.5):  # in steps: on Windows an endless wait cannot be interrupted
            pass


def openai_notice(server: EmulatorServer, *, uses_test_key: bool) -> str:
    """How an OpenAI client reaches the server."""
    key = f"OPENAI_API_KEY={TEST_KEY}" if uses_test_key else "and as OPENAI_API_KEY the key it was given"
    return f"For OpenAI clients:\nexport OPENAI_BASE_URL={server.url}/v1 {key}\n"


def _notice(server: EmulatorServer, emulator: Emulator, *, built_in: bool) -> str:
    engine = emulator.engine
    meaning = "English search is meaningful, other languages match by spelling only. " if built_in else ""
    reach = (
        f"export INWORLD_EMULATOR_HOST={server.address}"
        if emulator.uses_test_key
        else f'Reach it with base_url="{server.url}" and the api_key it was given, base64-encoded.'
    )
    return (
        f"Emulator of the embeddings API on {server.url}\n"
        f"Stand-in vectors from the engine {engine.name}, {engine.dimension} dimensions. {meaning}"
        "Never mix them with vectors of the real API.\n"
        f"{reach}\n"
    )


@contextlib.contextmanager
def _stop_signal() -> Iterator[threading.Event]:
    """An event that SIGINT and SIGTERM set, if this is the main thread, where alone Python allows it."""
    stopped = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield stopped
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = [signal.signal(number, lambda *_: stopped.set()) for number in numbers]
    try:
        yield stopped
    finally:
        for number, handler in zip(numbers, before, strict=True):
            signal.signal(number, handler)
