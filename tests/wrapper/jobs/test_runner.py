"""A job from its first row to its last: what ends a row, what pauses a job, what stops it, and how it goes on."""

import asyncio
import gzip
import json
import random
import shutil
import threading
import time
from unittest.mock import Mock

import pyarrow.parquet as pq
import pytest

from inworld_embeddings import errors
from inworld_embeddings.jobs import arun_job, open_job, parts, retry_job, service, verify_job
from inworld_embeddings.testing import FakeEngine, async_local_client
from support.processes import dice
from support.storage import NUMBERS, Disk, Platter, PowerLossError, content

from .conftest import DIM, assert_vectors, errors_of, whole


@pytest.fixture
def no_waits(monkeypatch):
    """Every wait with jitter is over at once, and the job looks often how it goes."""
    monkeypatch.setattr(random, "random", lambda: 0.0)
    monkeypatch.setattr("inworld_embeddings.jobs.runner.LOOK", 0.02)


def test_every_row_up_to_max_rows_gets_its_own_vector_in_its_own_place_and_a_second_run_sends_nothing(
    job, lines, out
):
    report = job(lines(29), max_rows=23)
    assert (report.finished, report.rows, report.parts, report.refused) == (True, 23, 5, 0)
    assert_vectors(out, range(23))
    assert pq.read_table(out)["row"].to_pylist() == list(range(23))
    assert json.loads((out / "_SUCCESS").read_bytes())["rows"] == 23
    assert job.log.texts.count(service.FIXED_TEXT) == 1
    assert job(lines(29), max_rows=23).sent == len(job.log.texts) == 0


def test_an_empty_input_is_a_finished_job(job, lines, out):
    report = job(lines(0))
    assert (report.finished, report.rows, report.parts) == (True, 0, 1)
    assert pq.read_table(out).schema.field("vector").type.list_size == DIM


def test_bytes_are_the_same_however_the_work_was_cut_and_batches_are_full(job, lines, out, tmp_path):
    job(lines(33), rows_per_part=10)
    job(lines(33), tmp_path / "other", rows_per_part=10, batch_size=7, max_concurrency=2)
    assert content(out) == content(tmp_path / "other")
    assert [len(request) for request in job.log.requests] == [1, 7, 7, 7, 7, 5]


@pytest.mark.parametrize(
    "failing_at",
    [Platter, lambda at: Disk(at, NUMBERS[at % len(NUMBERS)])],
    ids=["power loss", "full or broken"],
)
def test_H02_H03_whatever_a_disk_does_what_is_published_is_whole(job, lines, out, disk, failing_at):
    source, generator = lines(12), dice()
    seen = disk(Platter())
    job(source)
    whole = content(out)
    for at in range(1, len(seen.log) - 1, 3):  # the last two only close
        shutil.rmtree(out)
        failed = disk(failing_at(at))
        with pytest.raises((PowerLossError, errors.StorageError)):
            job(source)
        disk(Disk())
        if isinstance(failed, Platter):
            failed.after_power_loss(out, generator)
        assert content(out).items() <= whole.items()
        job(source)
        assert content(out) == whole


@pytest.mark.parametrize(
    ("count", "options", "says"),
    [
        (8, {}, "in.txt is not what it was"),
        (12, {"rows_per_part": 6}, "rows_per_part was 5"),
        (12, {"max_rows": 3}, "max_rows was "),
        (12, {"keep": ["text"], "id": "text"}, "id was .*keep was "),
        (12, {"model": "BAAI/bge-large-en-v1.5"}, "model was "),
    ],
)
def test_H08_H09_another_input_setting_or_model_is_another_job(job, lines, out, done, count, options, says):
    with pytest.raises(errors.InputChangedError, match=says):
        job(lines(count), **options)
    assert job.log.texts == []
    assert content(out) == done


def test_H08_an_input_that_changes_while_it_is_read_is_not_published(job, lines, out):
    def changed(event):
        if event.kind == "part":  # the only one: one request at a time cannot have made the next
            lines(399)

    with pytest.raises(errors.InputChangedError, match="in.txt"):
        job(lines(400), max_concurrency=1, on_event=changed, rows_per_part=100)
    assert len(content(out)) == 1


def test_H09_other_versions_are_told_and_may_be_gone_on_with(job, lines, out, done, monkeypatch):
    (out / parts.part_name(1)).unlink()
    monkeypatch.setattr("inworld_embeddings.jobs.runner.__version__", "99")
    with pytest.raises(errors.InputChangedError, match="version was .* and is 99"):
        job(lines(12))
    assert job(lines(12), other_versions=True).finished
    assert content(out) == done
    assert open_job(out).manifest.version[-1] == "99"


def test_H16_D15_a_model_that_changed_behind_its_name_adds_nothing(job, lines, out, done):
    class Changed(FakeEngine):
        def embed(self, texts):
            return [list(reversed(vector)) for vector in super().embed(texts)]

    (out / parts.part_name(1)).unlink()
    with pytest.raises(errors.InputChangedError, match="another vector") as caught:
        job(lines(12), engine=Changed(DIM))
    assert caught.value.changed == ("model",)
    assert job.log.texts == [service.FIXED_TEXT]
    with pytest.raises(errors.InputChangedError, match="hash-16 answers, not hash-8"):
        job(lines(12), dimension=16)
    assert content(out).keys() == {parts.part_name(0), parts.part_name(2)}


# Rows.


class Failing(FakeEngine):
    """Fails whenever it is asked for one text."""

    def embed(self, texts):
        if "line 9" in texts:
            raise errors.InternalServerError("boom")
        return super().embed(texts)


REFUSED = {
    "some": (60, range(10, 20), {"faults": "poison=(1[0-9])$", "batch_size": 16, "rows_per_part": 7}),
    "all of some batches": (70, range(16, 60), {"faults": "poison=(1[6-9]|[2-5].)$", "batch_size": 16}),
    "one that only ever fails": (30, [9], {"engine": Failing(DIM)}),
    "none, of faults": (200, [], {"faults": "30% status=503 + 10% drop=head;reset", "max_retries": 0}),
    "none, of an outage": (40, [], {"faults": "ok x3, status=503 for 300ms, ok"}),
}


@pytest.mark.parametrize(("count", "refused", "options"), REFUSED.values(), ids=REFUSED)
def test_H12_H17_texts_that_are_refused_are_found_and_cost_no_other_row(
    job, lines, out, no_waits, count, refused, options
):
    report = job(lines(count), max_concurrency=1, **options)
    assert (report.rows, report.refused) == (count, len(refused))
    assert [row["row"] for row in errors_of(out)] == [*refused]
    assert_vectors(out, [n for n in range(count) if n not in refused])


def test_H12_H18_a_refused_row_has_no_vector_but_a_reason(job, tmp_path, out):
    source, refused = tmp_path / "in.jsonl", {3: None, 6: "x" * 999}
    rows = [{"t": refused.get(n, f"line {n}"), "n": n} for n in range(11)]
    source.write_text("".join(f"{json.dumps(row)}\n" for row in rows) + "broken\n")
    report = job(source, max_batch_bytes=400, text="t", id="n")
    assert (report.finished, report.rows, report.refused) == (True, 12, 3)
    told = [(row["row"], row["n"], row["code"]) for row in errors_of(out)]
    assert told == [(n, name, "InvalidInputError") for n, name in ((3, "3"), (6, "6"), (11, None))]
    view = (out / parts.ERRORS).read_bytes()
    table = whole(out)
    assert table["vector"].is_null().to_pylist() == [n in (3, 6, 11) for n in range(12)]
    assert table["error"].is_valid().to_pylist() == [n in (3, 6, 11) for n in range(12)]
    assert_vectors(out, [n for n in range(11) if n not in refused])
    (out / parts.ERRORS).unlink()  # a view, which is made again
    assert not open_job(out).finished
    assert job(source, max_batch_bytes=400, text="t", id="n").sent == 0
    assert (out / parts.ERRORS).read_bytes() == view
    with pytest.raises(errors.JobError, match=r"Row 3 was refused: .*in.jsonl, line 4: no text"):
        job(source, out.parent / "other", text="t", on_refused="stop")


# The service.


@pytest.mark.parametrize(
    ("faults", "patience", "asked"),
    [
        ("ok x6, status=401", 60, None),
        ("ok x6, status=403", 60, None),
        ("ok x3, status=429;retry-after=600", 60, 600),
        ("ok x3, status=429;retry-after=50", 20, 50),  # as long as a call would wait, but not the job
        ("ok x3, status=429", 0.2, None),
        ("ok x3, status=503", 0.2, None),
        ("latency=600s", 0.2, None),
    ],
)
def test_H17_a_lost_key_or_what_outlasts_the_patience_pauses_at_once_and_what_was_done_stays(
    job, lines, out, no_waits, faults, patience, asked
):
    began = time.monotonic()
    with pytest.raises(errors.JobPausedError, match="[Rr]un the same command again") as caught:
        job(lines(40), faults=faults, max_concurrency=1, patience=patience)
    assert caught.value.retry_after == asked
    assert (len(content(out)) > 0) is faults.startswith("ok")
    assert not (out / "_SUCCESS").exists()
    assert time.monotonic() - began < 30  # the shortest of these hints is 50, and a try may take 60
    assert job(lines(40)).finished


@pytest.mark.parametrize(
    ("faults", "says", "most"),
    [("status=400", "does not take even", 1), ("ok, status=400", "refuses every text", 39)],
    ids=["even the fixed one", "every one"],
)
def test_H12_a_service_that_refuses_all_texts_ends_the_job(job, lines, out, faults, says, most):
    with pytest.raises(errors.JobError, match=says):
        job(lines(400), faults=faults, batch_size=16, max_concurrency=1)
    assert len(job.log) <= most
    assert content(out) == {}


# Stopping.


def test_told_to_stop_it_ends_the_parts_that_are_begun(job, lines):
    stop = threading.Event()
    stops = {"stop": stop, "on_event": lambda event: event.kind == "part" and stop.set()}
    report = job(lines(60), faults="latency=5ms", max_concurrency=2, **stops)
    assert not report.finished
    assert report.rows == report.parts * 5 < 60
    assert len(job.log.texts) == report.rows + 1
    assert job(lines(60)).finished


def test_told_to_stop_in_an_outage_it_stops_at_once(job, lines, no_waits):
    stop, began = threading.Event(), time.monotonic()
    stops = {"stop": stop, "on_event": lambda event: event.outage and stop.set()}
    assert not job(lines(40), faults="ok x3, status=503", **stops).finished
    assert time.monotonic() - began < service.GRACE  # of which nothing is used


def test_what_a_callback_raises_ends_only_that(job, lines, caplog):
    assert job(lines(40), on_event=Mock(side_effect=RuntimeError("mine"))).finished
    assert caplog.text.count("not called again") == 1


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
    assert verify_job(out) == {}  # which takes the lock
    assert "part-000000000.parquet" in content(out)


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"rows_per_part": 0}, "rows_per_part"),
        ({"rows_per_part": 1 << 60}, "do not fit into memory: fewer, with"),
        ({"id": "row"}, "row"),
    ],
)
def test_options_that_cannot_work_are_told_before_there_is_a_job(job, lines, options, says):
    with pytest.raises(errors.ConfigurationError, match=says):
        job(lines(3), **options)
    assert job(lines(3)).finished


def test_a_packed_file_that_was_cut_short_is_told_before_anything_is_sent(job, lines, tmp_path):
    data = gzip.compress(lines(100_000).read_bytes())
    for name, bad in (("cut.txt.gz", data[:-9]), ("bad.txt.gz", data[:-8] + bytes(8))):
        (tmp_path / name).write_bytes(bad)
        with pytest.raises(errors.InvalidInputError, match=name):
            job(tmp_path / name)
        assert len(job.log) == 0


def test_an_input_that_was_moved_is_found_once_a_run_has_seen_it(job, lines, out, client, tmp_path):
    source = lines(7)
    job(source, faults="poison=5$")
    source.rename(tmp_path / "moved.txt")
    with pytest.raises(errors.InvalidInputError, match=r"in\.txt: No such file"):
        retry_job(out, client=client())
    assert job(tmp_path / "moved.txt").sent == 0
    assert retry_job(out, client=client()).refused == 0
    assert open_job(out).texts([5]) == {5: "line 5"}


def test_refused_rows_are_sent_again_and_the_others_are_not(job, lines, out, client):
    job(lines(23), faults="poison=1[0-5]$", id="text")
    whole = content(out)
    refused = [(row["text"], row["code"], row["attempts"] > 1) for row in errors_of(out)]
    assert refused == [(f"line {n}", "BadRequestError", True) for n in range(10, 16)]
    with pytest.raises(errors.JobPausedError):
        retry_job(out, client=client(faults="status=401"))
    assert open_job(out).finished
    made = client(faults="poison=1[23]$")
    report = retry_job(out, client=made)
    assert (report.finished, report.rows, report.refused) == (True, 23, 2)
    assert {"line 10", "line 12"} <= set(made.log.texts)
    assert "line 3" not in made.log.texts
    (out / parts.part_name(4)).unlink()  # one of an unfinished job ends it
    report = retry_job(out, client=client())
    assert (report.finished, report.refused, report.sent) == (True, 0, 5)
    assert errors_of(out) == []
    assert_vectors(out, range(23))
    changed = [name for name, data in content(out).items() if data != whole[name]]
    assert changed == [parts.part_name(2), parts.part_name(3)]
    assert verify_job(out) == {}
