"""A job from its first row to its last: what ends a row, what pauses a job, what stops it, and how it goes on."""

import asyncio
import gzip
import itertools
import json
import random
import shutil
import threading
import time
from functools import partial

import pyarrow.parquet as pq
import pytest

from inworld_embeddings import (
    ConfigurationError,
    InputChangedError,
    InternalServerError,
    InvalidInputError,
    JobError,
    JobPausedError,
    StorageError,
)
from inworld_embeddings.jobs import (
    arun_job,
    manifest,
    open_job,
    parts,
    plan_job,
    retry_job,
    runner,
    service,
    storage,
    verify_job,
)
from inworld_embeddings.testing import FakeEngine, async_local_client
from inworld_embeddings_emulator.faults import Faults
from support.processes import dice
from support.storage import NUMBERS, Disk, Platter, PowerLossError, content, failing

from .conftest import DIM, assert_vectors, errors_of, whole


@pytest.fixture
def no_waits(monkeypatch):
    """Every wait with jitter is over at once, and the job looks often how it goes."""
    monkeypatch.setattr(random, "random", lambda: 0.0)
    monkeypatch.setattr(runner, "LOOK", 0.02)


def test_every_row_gets_its_own_vector_in_its_own_place(job, lines, out):
    report = job(lines(23), rows_per_part=5)
    assert (report.finished, report.rows, report.parts, report.refused) == (True, 23, 5, 0)
    assert_vectors(out, range(23))
    assert pq.read_table(out)["row"].to_pylist() == list(range(23))
    assert json.loads((out / "_SUCCESS").read_bytes())["rows"] == 23
    assert job.log.texts.count(service.FIXED_TEXT) == 1


def test_a_second_run_sends_nothing_and_an_empty_input_is_a_finished_job(job, lines, out, tmp_path):
    job(lines(7))
    assert job(lines(7)).sent == 0
    assert job.log.texts == []
    report = job(lines(0, "empty.txt"), tmp_path / "empty")
    assert (report.finished, report.rows, report.parts) == (True, 0, 1)
    assert pq.read_table(tmp_path / "empty").schema.field("vector").type.list_size == DIM


def test_batches_are_full_whatever_the_parts_are(job, lines, client):
    job(lines(40), client=client(batch_size=8), rows_per_part=3)
    assert [len(request) for request in job.log.requests] == [1, *[8] * 5]


def test_bytes_are_the_same_however_the_work_was_cut(job, lines, out, tmp_path, client):
    source = lines(33)
    job(source, rows_per_part=10)
    job(source, tmp_path / "other", rows_per_part=10, client=client(batch_size=7, max_concurrency=2))
    assert content(out) == content(tmp_path / "other")


@pytest.mark.parametrize("kind", ["power loss", "full or broken"])
def test_H02_H03_whatever_a_disk_does_what_is_published_is_whole_and_another_run_ends_the_work(
    job, lines, out, disk, kind
):
    source, generator, numbers = lines(12), dice(), itertools.cycle(NUMBERS)
    seen = disk(Platter())
    job(source)
    whole = content(out)
    for at in range(1, len(seen.log) - 1, 3):  # the last two only close
        shutil.rmtree(out)
        number = next(numbers)
        dying = disk(Platter(at) if kind == "power loss" else Disk(at, failing(number)))
        with pytest.raises(PowerLossError if kind == "power loss" else StorageError) as caught:
            job(source)
        disk(Disk())
        if kind == "power loss":
            dying.after_power_loss(out, generator)
        else:
            assert caught.value.errno == number
        assert all(data == whole[name] for name, data in content(out).items())
        job(source)
        assert content(out) == whole


def test_missing_parts_in_the_middle_are_made_from_where_their_rows_are(job, lines, out):
    source = lines(28)
    job(source)
    whole = content(out)
    for number in (0, 2, 3, 5):
        (out / parts.part_name(number)).unlink()
    assert job(source).sent == 18
    assert content(out) == whole


def test_H08_another_input_is_no_resume_and_nothing_is_sent(job, lines, out):
    job(lines(7))
    whole = content(out)
    with pytest.raises(InputChangedError, match="in.txt is not what it was"):
        job(lines(8))
    with pytest.raises(InputChangedError, match="was 1 when this job began"):
        job([lines(7), lines(7, "b.txt")])
    assert job.log.texts == []
    assert content(out) == whole


def test_H08_an_input_that_changes_while_it_is_read_is_not_published(job, lines, out, client):
    source = lines(400)
    made = client(max_concurrency=1)  # so the next part cannot be ready before the callback
    told = []

    def change(event):
        if event.kind == "part" and not told:
            told.append(event)
            lines(399)

    with pytest.raises(InputChangedError, match="in.txt"):
        job(source, client=made, on_event=change, rows_per_part=100)
    assert len(content(out)) == 1


@pytest.mark.parametrize(
    ("options", "changed"),
    [
        ({"rows_per_part": 6}, "rows_per_part"),
        ({"keep": ["text"]}, "keep"),
        ({"id": "text"}, "id"),
        ({"max_rows": 3}, "max_rows"),
        ({"client": {"model": "BAAI/bge-large-en-v1.5"}}, "model"),
    ],
)
def test_H09_other_settings_or_another_model_are_another_job(job, lines, client, options, changed):
    job(lines(7))
    with pytest.raises(InputChangedError, match=f"{changed} was ") as caught:
        job(lines(7), **options | {"client": client(**options.get("client", {}))})
    assert changed in caught.value.changed
    assert job.log.texts == []


def test_H09_other_versions_are_told_and_may_be_gone_on_with(job, lines, out, monkeypatch):
    job(lines(12))
    whole = content(out)
    (out / parts.part_name(1)).unlink()
    monkeypatch.setattr(runner, "__version__", "99")
    with pytest.raises(InputChangedError, match="version was .* and is 99"):
        job(lines(12))
    assert job(lines(12), other_versions=True).finished
    assert content(out) == whole
    assert manifest.Manifest.of(out).version[-1] == "99"


class Changed(FakeEngine):
    def embed(self, texts):
        return [list(reversed(vector)) for vector in super().embed(texts)]


def test_H16_D15_a_model_that_changed_behind_its_name_adds_nothing(job, lines, out, client):
    job(lines(12))
    (out / parts.part_name(1)).unlink()
    left = content(out)
    with pytest.raises(InputChangedError, match="another vector") as caught:
        job(lines(12), client=client(engine=Changed(DIM)))
    assert caught.value.changed == ("model",)
    assert job.log.texts == [service.FIXED_TEXT]
    with pytest.raises(InputChangedError, match="hash-16 answers, not hash-8"):
        job(lines(12), client=client(dimension=16))
    assert content(out) == left


# Rows.


def test_H12_texts_that_the_service_refuses_are_found_and_cost_no_other_row(job, lines, out, client):
    made = client(faults="poison=(1[0-9])$", batch_size=16)
    report = job(lines(60), client=made, rows_per_part=7)
    assert (report.rows, report.refused) == (60, 10)
    rows = errors_of(out)
    assert [row["row"] for row in rows] == list(range(10, 20))
    assert {row["code"] for row in rows} == {"BadRequestError"}
    assert min(row["attempts"] for row in rows) > 1
    assert_vectors(out, [*range(10), *range(20, 60)])


def test_H12_batches_in_which_every_text_is_refused_are_told_from_a_service_that_refuses_all(
    job, lines, out, client
):
    source = lines(60)
    source.write_text("start\n" * 16 + source.read_text())
    made = client(faults='poison="^line [1-4]?[0-9]$"', batch_size=16, max_concurrency=1)
    report = job(source, client=made)
    assert (report.rows, report.refused) == (76, 50)
    assert {row["row"] for row in errors_of(out)} == set(range(16, 66))


def test_H12_a_text_that_only_ever_fails_is_refused_when_all_else_goes_well(
    job, lines, out, client, no_waits
):
    class Failing(FakeEngine):
        def embed(self, texts):
            if "line 9" in texts:
                raise InternalServerError("boom")
            return super().embed(texts)

    report = job(lines(30), client=client(engine=Failing(DIM)))
    assert (report.rows, report.refused) == (30, 1)
    assert errors_of(out)[0]["row"] == 9


def test_H12_H18_a_refused_row_has_no_vector_but_a_reason(job, tmp_path, out, client):
    source = tmp_path / "in.jsonl"
    rows = [{"t": f"line {n}", "n": n} for n in range(11)]
    source.write_text("\n".join(map(json.dumps, rows)).replace('"line 3"', "null") + "\nbroken\n")
    made = client(max_batch_bytes=400)
    source.write_text(source.read_text().replace("line 6", "x" * 999))
    report = job(source, client=made, text="t", id="n")
    assert (report.finished, report.rows, report.refused) == (True, 12, 3)
    assert [(row["row"], row["n"], row["code"]) for row in errors_of(out)] == [
        (3, "3", "InvalidInputError"),
        (6, "6", "InvalidInputError"),
        (11, None, "InvalidInputError"),
    ]
    table = whole(out)
    assert table["vector"].is_null().to_pylist() == [n in (3, 6, 11) for n in range(12)]
    assert table["error"].is_null().to_pylist() == [n not in (3, 6, 11) for n in range(12)]
    assert_vectors(out, [n for n in range(11) if n not in (3, 6)])


def test_H12_with_stop_the_first_refused_row_ends_the_job(job, tmp_path, out):
    source = tmp_path / "in.jsonl"
    source.write_text('{"t":"a"}\n' * 6 + "broken\n")
    with pytest.raises(JobError, match=r"Row 6 was refused: .*in.jsonl, line 7: broken JSON"):
        job(source, on_refused="stop")
    assert not (out / "_SUCCESS").exists()


def test_only_the_first_rows_if_so_asked(job, lines, out):
    assert job(lines(50), max_rows=12).rows == 12
    assert job(lines(50), max_rows=12).sent == 0


# The service.


def test_H17_faults_of_the_service_end_no_row(job, lines, out, client):
    made = client(faults="30% status=503 + 10% drop=head;reset", max_retries=0)
    report = job(lines(200), client=made, rows_per_part=50)
    assert (report.rows, report.refused) == (200, 0)
    assert_vectors(out, range(200))


@pytest.mark.parametrize("status", [401, 403])
def test_H17_a_lost_key_pauses_at_once_and_what_was_done_stays(job, lines, out, client, status):
    faults = Faults(f"ok x6, status={status}")
    made = client(faults=faults, max_concurrency=1)
    with pytest.raises(JobPausedError, match="run the same command again"):
        job(lines(40), client=made)
    done = len(content(out))
    assert 0 < done < 8
    assert len(job.log) < 40
    faults.set("ok")
    assert job(lines(40), client=made).finished


@pytest.mark.parametrize(
    ("fault", "patience", "asked"),
    [
        ("status=429;retry-after=600", 60, 600),
        ("status=429;retry-after=50", 20, 50),  # not longer than a call would wait, but than the job may
        ("status=429", 0.2, None),
    ],
)
@pytest.mark.usefixtures("no_waits")
def test_H17_a_quota_that_outlasts_the_patience_pauses_without_waiting(
    job, lines, client, fault, patience, asked
):
    made = client(faults=f"ok x3, {fault}", max_concurrency=1)
    began = time.monotonic()
    with pytest.raises(JobPausedError) as caught:
        job(lines(40), client=made, patience=patience)
    assert caught.value.retry_after == asked
    assert time.monotonic() - began < 20  # the shortest of these hints is 50


def test_H17_a_service_that_never_answers_costs_no_more_than_the_patience(job, lines, client):
    began = time.monotonic()
    with pytest.raises(JobPausedError, match="nothing has succeeded for"):
        job(lines(4), client=client(faults="latency=600s"), patience=0.2)
    assert time.monotonic() - began < 30  # half of what a try may take where there is more patience


def test_H17_an_outage_is_waited_out_but_not_beyond_the_patience(job, lines, client, out, no_waits):
    with pytest.raises(JobPausedError, match="nothing has succeeded for"):
        job(lines(40), client=client(faults="ok x3, status=503"), patience=0.2)
    assert not (out / "_SUCCESS").exists()
    report = job(lines(40), client=client(faults="ok x3, status=503 for 300ms, ok"))
    assert (report.finished, report.refused) == (True, 0)


@pytest.mark.parametrize(
    ("faults", "says", "most"),
    [("status=400", "does not take even", 1), ("ok, status=400", "refuses every text", 39)],
    ids=["even the fixed one", "every one"],
)
def test_H12_a_service_that_refuses_all_texts_ends_the_job_at_the_cost_of_a_few(
    job, lines, client, out, faults, says, most
):
    with pytest.raises(JobError, match=says):
        job(lines(400), client=client(faults=faults, batch_size=16, max_concurrency=1))
    assert len(job.log) <= most
    assert content(out) == {}


# Stopping.


def test_told_to_stop_it_ends_the_parts_that_are_begun(job, lines, out, client):
    stop = threading.Event()
    made = client(faults="latency=5ms", max_concurrency=2)
    report = job(
        lines(60), client=made, stop=stop, on_event=lambda event: event.kind == "part" and stop.set()
    )
    assert not report.finished
    assert report.rows == report.parts * 5 < 60
    assert len(job.log.texts) == report.rows + 1
    assert job(lines(60)).finished


def test_told_to_stop_while_a_large_input_is_checked_it_stops_at_once(job, lines, out, tmp_path):
    stop, source = threading.Event(), lines(3)
    job(source)
    stop.set()
    packed = tmp_path / "in.txt.gz"
    packed.write_bytes(gzip.compress(b"one"))
    shutil.copy(source, tmp_path / "copy.txt")
    for one, place in ((source, "new"), (packed, "new"), (tmp_path / "copy.txt", "out")):
        with pytest.raises(JobPausedError, match="while the input was checked"):
            job(one, tmp_path / place, stop=stop)
    assert not (tmp_path / "new" / "_job.json").exists()


def test_told_to_stop_in_an_outage_it_stops_at_once(job, lines, client, monkeypatch):
    monkeypatch.setattr(runner, "LOOK", 0.02)
    stop, began = threading.Event(), time.monotonic()
    made = client(faults="ok x3, status=503")
    report = job(lines(40), client=made, stop=stop, on_event=lambda event: event.outage and stop.set())
    assert not report.finished
    assert time.monotonic() - began < service.GRACE  # of which nothing is used


def test_what_a_callback_raises_ends_only_that(job, lines, caplog):
    def broken(event):
        raise RuntimeError("mine")

    assert job(lines(40), on_event=broken).finished
    assert caplog.text.count("not called again") == 1


def test_with_an_async_client_it_is_the_same_and_cancelled_it_leaves_the_lock(lines, out, tmp_path):
    async def run():
        async with async_local_client(dimension=DIM) as client:
            assert (await arun_job(lines(12), out, client=client, rows_per_part=5)).rows == 12
        async with async_local_client(dimension=DIM, faults="latency=100ms") as client:
            other = tmp_path / "other"
            task = asyncio.ensure_future(arun_job(lines(4000), other, client=client, rows_per_part=5))
            await asyncio.sleep(0.2)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            with storage.locked(other):
                pass

    asyncio.run(run())
    assert len(content(out)) == 3


def test_cancelled_again_while_the_disk_is_slow_it_gives_back_what_it_holds(lines, out, monkeypatch):
    writes, goes_on, real = threading.Event(), threading.Event(), parts.write_part

    def slow(table, path):
        writes.set()
        goes_on.wait(60)
        real(table, path)

    async def run():
        async with async_local_client(dimension=DIM) as client:
            task = asyncio.create_task(arun_job(lines(40), out, client=client, rows_per_part=5))
            await asyncio.to_thread(writes.wait, 60)
            while not task.done():
                task.cancel()
                await asyncio.sleep(0)
        goes_on.set()

    monkeypatch.setattr(parts, "write_part", slow)
    asyncio.run(run())
    for thread in threading.enumerate():
        if thread.name.startswith("inworld-embeddings-job"):
            thread.join(60)
    with storage.locked(out):
        assert "part-000000000.parquet" in content(out)


@pytest.mark.parametrize(
    "options",
    [{"rows_per_part": 0}, {"patience": -1}, {"on_refused": "x"}, {"max_rows": True}, {"keep": "text"}],
)
def test_options_out_of_range_are_told(job, lines, options, client):
    for run in (job, partial(plan_job, client=client())):
        with pytest.raises(ConfigurationError, match=next(iter(options))):
            run(lines(3), **options)
    with pytest.raises(TypeError, match="Did you mean 'keep'"):
        job(lines(3), kept=[])


def test_a_part_that_does_not_fit_into_memory_is_told_before_there_is_a_job(job, lines, out):
    with pytest.raises(ConfigurationError, match="do not fit into memory: fewer, with"):
        job(lines(3), rows_per_part=1 << 60)
    assert job(lines(3)).finished


def test_a_packed_file_that_was_cut_short_is_told_before_anything_is_sent(job, lines, tmp_path):
    data = gzip.compress(lines(100_000).read_bytes())
    for name, bad in (("cut.txt.gz", data[:-9]), ("bad.txt.gz", data[:-8] + bytes(8))):
        (tmp_path / name).write_bytes(bad)
        with pytest.raises(InvalidInputError, match=name):
            job(tmp_path / name)
        assert len(job.log) == 0


def test_the_plan_says_what_will_be_sent(lines, client):
    plan = plan_job(lines(23), client=client())
    assert (plan.rows, plan.requests, plan.refused, plan.exact) == (23, 6, 0, True)
    assert plan.bytes > 23 * len('{"text":"line 1"}')


def test_a_retry_that_cannot_begin_changes_nothing_and_one_of_an_unfinished_job_ends_it(
    job, lines, out, client
):
    source = lines(23)
    job(source, client=client(faults="poison=1[0-5]$"))
    with pytest.raises(JobPausedError):
        retry_job(out, client=client(faults="status=401"))
    assert open_job(out).finished
    (out / parts.part_name(4)).unlink()
    report = retry_job(out, client=client())
    assert (report.finished, report.rows, report.refused, report.sent) == (True, 23, 0, 9)
    assert_vectors(out, range(23))


def test_an_input_that_was_moved_is_found_by_a_retry_once_a_run_has_seen_it(
    job, lines, out, client, tmp_path
):
    source = lines(7)
    job(source, client=client(faults="poison=5$"))
    source.rename(tmp_path / "moved.txt")
    with pytest.raises(InvalidInputError, match=r"in\.txt: No such file"):
        retry_job(out, client=client())
    assert job(tmp_path / "moved.txt").sent == 0
    assert retry_job(out, client=client()).refused == 0
    assert open_job(out).texts([5]) == {5: "line 5"}


def test_refused_rows_are_sent_again_and_the_others_are_not(job, lines, out, client):
    source = lines(23)
    job(source, client=client(faults="poison=1[0-5]$"), id="text")
    whole, ids = content(out), [row["text"] for row in errors_of(out)]
    assert ids == [f"line {n}" for n in range(10, 16)]
    made = client(faults="poison=1[23]$")
    report = retry_job(out, client=made)
    assert (report.finished, report.rows, report.refused) == (True, 23, 2)
    assert {"line 10", "line 12"} <= set(made.log.texts)
    assert "line 3" not in made.log.texts
    assert retry_job(out, client=client()).refused == 0
    assert errors_of(out) == []
    assert_vectors(out, range(23))
    changed = [name for name, data in content(out).items() if data != whole[name]]
    assert changed == [parts.part_name(2), parts.part_name(3)]
    assert verify_job(out) == {}
