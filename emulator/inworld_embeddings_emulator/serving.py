"""The emulator in a terminal: serves until it is told to stop, and says how to reach it."""

import signal
import sys
import threading
from collections.abc import Collection, Iterator
from contextlib import contextmanager

from .engines import Engine
from .faults import ADMIN_PATH, NOTHING, Faults
from .handle import TEST_KEY, Emulator
from .openai_face import EngineSource, OpenAIFace
from .playground import Playground
from .server import EmulatorServer


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
) -> None:
    """Serves until SIGINT or SIGTERM. Prints how to reach it, and on standard error a line for each reply.

    ``api_key`` and ``engine`` are those of `Emulator`. ``openai`` serves ``/v1/embeddings`` too, see `openai_face`, and
    ``playground`` a page at ``/`` to try it in a browser. The others are those of `EmulatorServer`.

    Raises:
        ConfigurationError: as `EmulatorServer` and `Emulator`, or the built-in engine cannot be loaded.
        OSError: it cannot listen there; says what to do.
    """
    emulator = Emulator(engine, api_key)
    face = OpenAIFace(emulator, EngineSource(emulator.engine), api_key) if openai else emulator
    server = EmulatorServer(
        Playground(face, emulator.engine) if playground else face,
        host=host,
        port=port,
        allowed_hosts=allowed_hosts,
        log=sys.stderr,
        faults=faults,
        chaos=chaos,
    )
    told = server.faults
    with server, until_signal():
        say(
            reach(server.address, emulator),
            openai_notice(server, uses_test_key=emulator.uses_test_key) if openai else "",
            f"Faults: {told.script} (seed {told.seed})" if chaos or told.script != NOTHING else "",
            f"Chaos is on: GET, PUT and DELETE {server.url}{ADMIN_PATH}" if chaos else "",
            f"Playground: {server.url}/" if playground else "",
        )


def reach(address: str, emulator: Emulator) -> str:
    """How to reach an emulator on a ``host:port``, and what its vectors are."""
    engine, url = emulator.engine, f"http://{address}"
    meaning = f"{told}. " if (told := getattr(engine, "meaning", "")) else ""
    reach = f'Reach it with base_url="{url}" and the api_key it was given, base64-encoded.'
    return (
        f"Emulator of the embeddings API on {url}\n"
        f"Stand-in vectors from the engine {engine.name}, {engine.dimension} dimensions. {meaning}"
        "Never mix them with vectors of the real API.\n"
        + (f"export INWORLD_EMULATOR_HOST={address}" if emulator.uses_test_key else reach)
    )


def openai_notice(server: EmulatorServer, *, uses_test_key: bool) -> str:
    """How an OpenAI client reaches the server."""
    key = f"OPENAI_API_KEY={TEST_KEY}" if uses_test_key else "and as OPENAI_API_KEY the key it was given"
    return f"For OpenAI clients:\nexport OPENAI_BASE_URL={server.url}/v1 {key}"


def say(*lines: str) -> None:
    """Prints the lines that are not empty, all at once and also where standard output is a pipe."""
    sys.stdout.write("".join(f"{line}\n" for line in lines if line))
    sys.stdout.flush()


@contextmanager
def until_signal() -> Iterator[None]:
    """Does not leave its block before SIGINT or SIGTERM."""
    stopped = threading.Event()
    before = {}
    if threading.current_thread() is threading.main_thread():  # where alone Python allows it
        for number in (signal.SIGINT, signal.SIGTERM):
            before[number] = signal.signal(number, lambda *_: stopped.set())
    try:
        yield
        while not stopped.wait(0.5):  # in steps: on Windows an endless wait cannot be interrupted
            pass
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
