"""Row F05: Ctrl-C in the main thread of a program."""

import signal

import pytest

from support.fault_server import OK, FaultServer
from support.faults import black_hole
from support.processes import assert_silent, program

LATE = """
import inworld_embeddings._engine.engine  # an interrupted import is Python's own matter

def interrupted(work):
    'Seconds from a SIGINT, sent at a random moment, to the KeyboardInterrupt out of the work; None if it was done.'
    sent = []

    def send():
        sent.append(time.monotonic())
        os.kill(os.getpid(), signal.SIGINT)

    timer = threading.Timer(random.uniform(0.0, 0.05), send)
    try:
        timer.start()
        try:
            work()
        finally:
            timer.cancel()
    except KeyboardInterrupt:
        return time.monotonic() - sent[0]
    timer.join()
    return None
"""


@pytest.mark.parametrize(
    "work", ["client.embed('x')", "client.embed(texts)", "list(client.embed_iter(iter(texts)))"]
)
def test_F05_an_interrupt_ends_a_call_that_hangs_within_250_ms_and_the_client_lives(work):
    code = (
        LATE
        + f"""
client = make(batch_size=1, timeout=30)
texts = list(map(str, range(300)))
delays = []
for _ in range(20 * STORM):
    try:
        delays.append(interrupted(lambda: {work}))
    except KeyboardInterrupt:
        pass
(session,) = client._engine._sessions.values()
time.sleep(0.2)
in_flight = session.admission.throttle.in_flight
print(len(delays) >= 15 * STORM, all(delay < 0.25 for delay in delays if delay), in_flight, len(session._tasks))
client.close()
"""
    )
    with FaultServer(black_hole) as server:
        done = program(code, server.url)
        assert_silent(done)
        assert done.stdout.split() == ["True", "True", "0", "0"]
        server.oracle.wait_until_idle()  # the server sees each of them go


def test_F05_interrupts_at_random_moments_of_a_busy_client_mix_nothing_up():
    """120 interrupts; a second thread works on undisturbed."""
    code = (
        LATE
        + """
client = make(batch_size=2)
texts = list(map(str, range(40)))
over, wrong, counts = threading.Event(), [], [0, 0]

def background():
    while not over.is_set():
        counts[0] += 1
        if not right(client, f"background {counts[0]}"):
            wrong.append(counts[0])

def work():
    for _ in range(5):
        counts[1] += 1
        if not np.array_equal(client.embed(texts).vectors, vectors_for(texts)):
            wrong.append("batches")
        rows = [vector for _, vector in client.embed_iter(iter(texts))]
        if not np.array_equal(rows, vectors_for(texts)):
            wrong.append("rows")

thread = threading.Thread(target=background)
thread.start()
interrupts = 0
for _ in range(120 * STORM):
    try:
        interrupts += interrupted(work) is not None
    except KeyboardInterrupt:
        interrupts += 1
over.set()
thread.join()
print(interrupts > 60 * STORM, wrong, counts[0] > 100, right(client, "after all"))
"""
    )
    with FaultServer(latency=0.001) as server:
        done = program(code, server.url)
    assert_silent(done)
    assert done.stdout.split() == ["True", "[]", "True", "True"]


def test_F05_an_interrupt_while_the_source_blocks_goes_through():
    code = (
        LATE
        + """
client = make(batch_size=1)

def source():
    yield "a"
    yield "b"
    time.sleep(30)

delay = None
while delay is None:
    delay = interrupted(lambda: list(client.embed_iter(source())))
print(delay < 0.25, right(client, "after"))
"""
    )
    with FaultServer() as server:
        done = program(code, server.url)
    assert_silent(done)
    assert done.stdout.split() == ["True", "True"]


def test_F05_an_async_program_is_interrupted_by_asyncio_itself():
    code = """
async def main():
    async with make(AsyncEmbeddingClient) as client:
        threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
        await client.embed("x")

began = time.monotonic()
try:
    asyncio.run(main())
except KeyboardInterrupt:
    print(time.monotonic() - began < 5)
"""
    with FaultServer([black_hole, OK]) as server:
        done = program(code, server.url)
    assert_silent(done)
    assert done.stdout == "True\n"


def test_F05_an_interrupt_that_nobody_catches_ends_the_program_at_once():
    code = """
client = make()
threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT)).start()
client.embed("x")
"""
    with FaultServer(black_hole) as server:
        done = program(code, server.url, timeout=20)
    assert done.returncode == -signal.SIGINT
    assert done.stderr.rstrip().endswith("KeyboardInterrupt")
    assert done.stderr.count("Traceback") == 1
