"""The folder: what it publishes and when, the lock, and damage."""

import errno
import gc
import os
import re
import sys
from functools import partial
from unittest.mock import Mock, patch

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pyarrow.feather import write_feather

from inworld_embeddings import JobCorruptError, JobError, JobLockedError, StorageError
from inworld_embeddings.jobs import export_job, manifest, open_job, parts, storage, verify_job
from support.clients import in_threads
from support.storage import NUMBERS, Disk, content

from .conftest import whole

TABLE = pa.table({"row": range(100_000)})


def abc(path):
    path.write_bytes(b"abc")


def test_it_is_written_synced_linked_unlinked_and_the_folder_synced(tmp_path, disk):
    seen = disk(Disk())
    assert storage.publish(tmp_path, "part-x", abc)
    assert " ".join(seen.log) == "open fsync close link unlink open fsync close"
    assert (tmp_path / "part-x").read_bytes() == b"abc"


@pytest.mark.parametrize(("at", "number"), [*zip(range(1, 5), NUMBERS, strict=True), (7, errno.EIO)])
def test_H03_H04_an_error_leaves_nothing_half_named_and_no_second_sync(tmp_path, disk, at, number):
    seen = disk(Disk(at, number))
    with pytest.raises(StorageError, match="what was published stays") as caught:
        storage.publish(tmp_path, "part-x", abc)
    assert caught.value.errno == number
    assert seen.log.count("fsync") == {1: 0, 7: 2}.get(at, 1)
    there = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert there == ({} if at < 7 else {"part-x": b"abc"})  # the name is there when the folder is synced


@pytest.mark.parametrize("number", [errno.EPERM, errno.EOPNOTSUPP])
def test_H06_without_links_it_is_renamed(tmp_path, disk, number):
    disk(Disk(4, number))
    assert storage.publish(tmp_path, "part-x", abc)
    disk(Disk(4, number))
    assert not storage.publish(tmp_path, "part-x", lambda path: path.write_bytes(b"other"))
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"part-x": b"abc"}


def test_H06_a_lock_that_keeps_nobody_out_is_refused(tmp_path, monkeypatch):
    monkeypatch.setattr(storage, "_taken", lambda file: True)
    with pytest.raises(StorageError, match="locks keep nobody out"), storage.locked(tmp_path):
        pass


def test_H15_the_first_of_some_writers_wins_and_the_others_leave_nothing(tmp_path):
    first = []
    in_threads(4, lambda _: first.append(storage.publish(tmp_path, "part-x", abc)))
    assert sorted(first) == [False, False, False, True]
    assert os.listdir(tmp_path) == ["part-x"]


def test_H10_a_second_runner_is_told_who_the_first_is(tmp_path):
    with storage.locked(tmp_path), pytest.raises(JobLockedError) as caught, storage.locked(tmp_path):
        pass
    assert caught.value.pid == os.getpid()
    assert caught.value.host in str(caught.value)


def test_on_windows_no_folder_is_synced_and_the_lock_is_msvcrts(tmp_path, disk, monkeypatch):
    held = set()

    def locking(file, mode, size):
        assert os.lseek(file, 0, os.SEEK_CUR) == 1 << 30  # who holds it can be read by others
        if os.fstat(file).st_ino in held:
            raise PermissionError
        held.add(os.fstat(file).st_ino)

    monkeypatch.setitem(sys.modules, "msvcrt", Mock(locking=locking))
    monkeypatch.setattr(storage, "sys", Mock(platform="win32"))
    seen = disk(Disk())
    assert storage.publish(tmp_path, "part-x", abc)
    assert " ".join(seen.log) == "open fsync close link unlink"
    test_H10_a_second_runner_is_told_who_the_first_is(tmp_path)


def test_H11_a_folder_that_is_no_jobs_or_cannot_be_written_is_told_and_not_touched(job, lines, out, disk):
    out.mkdir()
    (out / "mine").write_text("x")
    with pytest.raises(JobError, match="no job's folder"):
        job(lines(3))
    with pytest.raises(JobError, match="is not a folder"):
        job(lines(3), out / "mine")
    assert os.listdir(out) == ["mine"]
    (out / "mine").unlink()
    disk(Disk(1, errno.EROFS))
    with pytest.raises(StorageError, match="Read-only"):
        job(lines(3))
    assert os.listdir(out) == []


def test_H11_a_relative_name_is_no_url_and_a_tilde_is_the_home(job, lines, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    (tmp_path / "home" / "a b: c").mkdir(parents=True)
    (tmp_path / "link").symlink_to(tmp_path / "home" / "a b: c")
    lines(7)
    for out in ("run:1", "~/out", "link"):
        assert job("in.txt", out).finished
        assert open_job(out).dataset.count_rows() == 7
        assert verify_job(out) == {}
        assert export_job(out, "~/all.parquet") == 7
    assert {path.name for path in (tmp_path / "home").iterdir()} == {"out", "a b: c", "all.parquet"}
    assert len(content(tmp_path / "home" / "a b: c")) == len(content(tmp_path / "home" / "out")) == 2


def test_H13_what_is_no_part_is_passed_over_and_taken_away_or_named(job, lines, out, done):
    (out / f".{parts.part_name(1)}.abc.tmp").write_bytes(b"half")
    assert pq.read_table(out)["row"].to_pylist() == list(range(12))
    (out / "part-000000001 (1).parquet").write_bytes((out / parts.part_name(1)).read_bytes())
    (out / "part-0000000001.parquet").mkdir()
    (out / ".hidden").touch()
    (out / "_SUCCESS").unlink()
    report, foreign = job(lines(12)), ("part-0000000001.parquet", "part-000000001 (1).parquet")
    assert (report.finished, report.parts, report.foreign) == (True, 3, foreign)
    assert verify_job(out).keys() == {*foreign}
    assert {path.name for path in out.glob(".*")} == {".lock", ".hidden"}


def test_H07_a_part_that_was_read_is_written_to_the_same_bytes_whatever_it_carries(job, tmp_path, out):
    columns = {
        "lists": pa.array([["x"], None, []]),
        "maps": pa.array([[("k", 1)], None, []], pa.map_(pa.string(), pa.int64())),
        "seconds": pa.array([1, None, 3], pa.timestamp("s")),
        "kind": pa.array(["a", "b", "a"]).dictionary_encode(),
    }
    write_feather(pa.table({"t": ["a", None, "c"], **columns}), tmp_path / "in.arrow")
    job(tmp_path / "in.arrow", text="t", keep=tuple(columns))
    assert verify_job(out) == {}
    assert whole(out).select(list(columns)).to_pydict() == pa.table(columns).to_pydict()
    assert whole(out).schema.field("kind").type == pa.string()  # dictionaries are what they stand for


def test_H14_the_parts_are_found_by_one_listing(tmp_path):
    for number in range(300):
        (tmp_path / parts.part_name(number)).touch()
    with patch("os.listdir", wraps=os.listdir) as listed, patch("os.scandir", wraps=os.scandir) as scanned:
        assert parts.numbers(tmp_path) == list(range(300))
    assert listed.call_count + scanned.call_count == 1  # pathlib has used the one, then the other


def test_H07_whatever_is_wrong_with_a_part_is_found_and_the_next_run_makes_it_again(job, lines, out, done):
    path, made_of = out / parts.part_name(1), manifest.Manifest.of(out)
    data = done[path.name]
    places = {*range(0, len(data), 7), *range(len(data) - 24, len(data))}
    flipped = (data[:at] + bytes([data[at] ^ 1 << at % 8]) + data[at + 1 :] for at in places)
    for bad in (*flipped, b"", data[:-9], done[parts.part_name(0)]):
        path.write_bytes(bad)
        assert parts.damage(path, 1, made_of)
    assert verify_job(out).keys() == {path.name}
    assert not path.exists()
    assert not (out / "_SUCCESS").exists()
    assert job(lines(12)).sent == 5
    assert content(out) == done
    assert verify_job(out) == {}


def test_H07_no_row_is_read_from_where_a_wrong_part_says(job, lines, out, done, tmp_path):
    job(lines(40, "other.txt", "other {}"), tmp_path / "other")
    path = out / parts.part_name(1)
    moved = re.sub(rb'"next":\[0,.', b'"next":[0,1', done[path.name], count=1)  # in the first of two copies
    for wrong in (b"PAR1", content(tmp_path / "other")[path.name], done[parts.part_name(0)], moved):
        path.write_bytes(wrong)
        (out / parts.part_name(2)).unlink()
        (out / "_SUCCESS").unlink()
        with pytest.raises(JobCorruptError, match=f"{path.name} is damaged .*job verify") as caught:
            job(lines(12))
        assert (caught.value.path, [*content(out)]) == (str(path), [parts.part_name(0), path.name])
        assert verify_job(out).keys() == {path.name}
        assert job(lines(12)).finished
        assert content(out) == done


def test_H07_a_manifest_that_is_damaged_is_told(job, lines, out, done):
    (out / "_job.json").write_text("{")
    with pytest.raises(JobCorruptError, match="_job.json"):
        job(lines(12))


def test_H07_a_file_that_the_system_cannot_read_is_not_taken_for_damaged(out, done):
    for name in ("part-000000001.parquet", "_job.json"):
        (out / name).rename(out / "aside")
        (out / name).mkdir()
        with pytest.raises(StorageError, match=rf"{name}: .*directory\. Mend that"):
            verify_job(out)
        (out / name).rmdir()
        (out / "aside").rename(out / name)
    assert verify_job(out) == {}


def test_H03_H05_a_part_that_is_cut_short_is_told_once(tmp_path, monkeypatch):
    """And nothing is told later, when its writer is collected."""
    resource, said = pytest.importorskip("resource"), []
    monkeypatch.setattr(sys, "unraisablehook", said.append)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, before[1]))  # what is written beyond is cut off
    try:
        with pytest.raises(StorageError, match=r"part-x: File too large\. Mend") as caught:
            storage.publish(tmp_path, "part-x", partial(parts.write_part, TABLE))
        gc.collect()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert (caught.value.errno, said, os.listdir(tmp_path)) == (errno.EFBIG, [], [])
