"""A cache: the vectors of texts that were embedded before, in one SQLite file. Off unless it is asked for.

The file holds hashes and vectors, never a text. What it promises and what it costs is in docs/use/cache.md.
"""

import atexit
import contextlib
import hashlib
import json
import os
import sys
import threading
import time
import zlib
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .errors import CacheError, ConfigurationError

if TYPE_CHECKING:
    import sqlite3

    from .result import Vectors
else:  # for typing.get_type_hints, without loading numpy
    Vectors = Any

SIZE_LIMIT: Final = 1 << 30
_LEAST: Final = 1 << 20
"""Smallest limit: below it the file is mostly its own bookkeeping."""
_KEPT: Final = 0.9
"""Share of the limit that is left when it was reached: so that not every batch has to look for the oldest."""
_HOUR: Final = 3600
"""Seconds: how exact the time of last use is. A hit writes at most once in an hour."""
_PATIENCE: Final = 10.0
"""Seconds to wait for another process that writes."""
_AT_ONCE: Final = 500
"""Keys in one statement; some builds of SQLite allow 999."""
_OURS: Final = 0x494E574C
_VERSION: Final = 1
_PAGE: Final = 16384
"""Bytes: five vectors of 768 numbers fill it to 95 %, where a page of 4096 takes one."""
_SCHEMA: Final = (
    "CREATE TABLE IF NOT EXISTS origins (origin BLOB PRIMARY KEY, engine TEXT, dimension INTEGER) WITHOUT ROWID",
    # Narrow, so that the time of last use is written, and the oldest are found, without the vectors.
    """CREATE TABLE IF NOT EXISTS keys (
        key BLOB PRIMARY KEY, id INTEGER NOT NULL, used INTEGER NOT NULL, checksum INTEGER NOT NULL
    ) WITHOUT ROWID""",
    "CREATE TABLE IF NOT EXISTS vectors (id INTEGER PRIMARY KEY, value BLOB NOT NULL)",
    f"PRAGMA application_id = {_OURS}",
    f"PRAGMA user_version = {_VERSION}",
)
_NETWORK: Final = frozenset(
    {
        "9p",
        "afs",
        "beegfs",
        "ceph",
        "cifs",
        "fuse.glusterfs",
        "fuse.s3fs",
        "fuse.sshfs",
        "gpfs",
        "lustre",
        "ncpfs",
    }
    | {"nfs", "nfs4", "smb3", "smbfs"}
)

_lock = threading.RLock()
"""Held by whoever uses a file: one at a time in a process. A fork waits for it, so that no child finds SQLite at work."""
if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_lock.acquire, after_in_parent=_lock.release, after_in_child=_lock.release)


class Space(NamedTuple):
    """What made vectors: an emulator's engine, None for the service, and how long they are."""

    engine: str | None
    dimension: int


class Flight:
    """Texts that one call sends, and others wait for. ``landed`` is told when the last of them has ended."""

    def __init__(self) -> None:
        from concurrent.futures import Future  # noqa: PLC0415 - only where there is a cache

        self.texts = 0
        self.landed: Future[None] = Future()


class Cache:
    """Vectors of texts that were embedded before, in a file; for ``cache=`` of a client or a call.

    Threads and processes may share the file. Two of these with the same path are one.

    Args:
        path: The file, made with its first use. Its folder must exist, on a disk of this machine.
        size_limit: Most bytes of the file, about; those not used for the longest time go first. None: no limit.
            Default: 1 GiB, some 330 000 vectors of 768 numbers.

    Raises:
        ConfigurationError: no path, or a limit below 1 MiB.
    """

    def __init__(self, path: str | os.PathLike[str], *, size_limit: int | None = SIZE_LIMIT) -> None:
        if not os.fspath(path):
            raise ConfigurationError("cache must be the path of a file; it is empty.")
        if size_limit is not None and size_limit < _LEAST:
            raise ConfigurationError(
                f"size_limit must be {_LEAST} bytes or more, or None for no limit; it is {size_limit}."
            )
        self.path = os.path.abspath(os.fspath(path))  # noqa: PTH100 - resolve() would follow links, and loads pathlib
        self.size_limit = size_limit
        self._made: _Store | None = None

    @property
    def store(self) -> "_Store":
        """The file, as this process has it open."""
        if self._made is None or self._made.pid != os.getpid():
            with _lock:
                key = os.getpid(), os.path.realpath(self.path)
                self._made = _stores[key] = _stores.get(key) or _Store(key[1])
        return self._made

    def lacking(self, settings: Any, request: str, texts: Sequence[str]) -> list[str]:
        """The distinct texts that a client with these `Settings` would send."""
        origin, distinct = origin_of(settings, request), list(dict.fromkeys(texts))
        if (space := self.store.space(origin)) is None:
            return distinct
        keys = keys_of(digests_of(origin, distinct), space.engine)
        there = self.store.have(keys)
        return [text for text, key in zip(distinct, keys, strict=True) if key not in there]

    def clear(self) -> None:
        """Takes out all that is in it; the file becomes small again.

        Raises:
            CacheError: the file is no cache, is damaged, or cannot be written. Then remove it.
        """
        self.store.clear()

    def close(self) -> None:
        """Closes the file; it is opened again when it is needed."""
        self.store.close()

    def __reduce__(self) -> Any:
        return _of, (self.path, self.size_limit)

    def __repr__(self) -> str:
        return f"Cache({self.path!r}, size_limit={self.size_limit})"


def _of(path: str, size_limit: int | None) -> Cache:
    return Cache(path, size_limit=size_limit)


def origin_of(settings: Any, request: str) -> bytes:
    """What is known of vectors before a response came, as a hash: where they come from and what is asked for.

    A transport of the user's own may lead elsewhere than the address says, so what came through one stays apart.

    Args:
        settings: A client's `Settings`.
        request: What its requests say beside their texts, see `Merged`.
    """
    through = settings.transport or settings.http_client
    name = None if through is None else getattr(through, "engine", None) or "another transport"
    return hashlib.sha256(json.dumps([settings.base_url, name, request]).encode()).digest()


def digests_of(origin: bytes, texts: Sequence[str]) -> list[bytes]:
    """A hash of each text with its origin."""
    before = hashlib.sha256(origin)
    return [_after(before, text.encode()) for text in texts]


def keys_of(digests: Sequence[bytes], engine: str | None) -> list[bytes]:
    """Under which keys the vectors of an engine are."""
    before = hashlib.sha256(json.dumps(engine).encode())
    return [_after(before, digest) for digest in digests]


def _after(before: Any, more: bytes) -> bytes:
    made = before.copy()
    made.update(more)
    digest: bytes = made.digest()
    return digest


class _Store:
    """A cache's file, open in one process. Every method may block, and raises `CacheError` for what the file does.

    Attributes:
        pid: The process.
        flights: Texts that are being sent, by their digests. Its own operations are atomic.
    """

    def __init__(self, path: str) -> None:
        self.path, self.pid = path, os.getpid()
        self.flights: dict[bytes, Flight] = {}
        self._open: sqlite3.Connection | None = None

    @contextlib.contextmanager
    def _database(self) -> "Iterator[sqlite3.Connection]":
        import sqlite3  # noqa: PLC0415 - only where there is a cache

        with _lock:
            try:
                if self._open is None:
                    self._open = _opened(self.path)
                yield self._open
            except sqlite3.Error as error:
                raise self._trouble(error, damaged=type(error) is sqlite3.DatabaseError) from error
            except UnicodeDecodeError:  # Python cannot read what SQLite quotes of a damaged table
                raise self._trouble("a table in it is damaged", damaged=True) from None

    def _trouble(self, why: object, *, damaged: bool) -> CacheError:
        way = "Remove the file, name" if damaged else "Mend that, name"
        return CacheError(
            f"The cache {self.path}: {why}. {way} another one, or pass cache=None.", path=self.path
        )

    def space(self, origin: bytes) -> Space | None:
        """What made the newest vectors of an origin; None if there are none."""
        with self._database() as db:
            found = db.execute("SELECT engine, dimension FROM origins WHERE origin = ?", (origin,)).fetchone()
        return Space(*found) if found else None

    def have(self, keys: Sequence[bytes]) -> set[bytes]:
        """Those of the keys that are there."""
        with self._database() as db:
            return {found[0] for found in _some(db, "SELECT key FROM keys WHERE key", keys)}

    def read(self, keys: Sequence[bytes], dimension: int) -> "tuple[list[int], Vectors]":
        """The positions among the keys of those that are there, and their vectors, shape (k, dimension).

        Raises:
            CacheError: a vector is not what was written.
        """
        import numpy as np  # noqa: PLC0415 - loaded with the engine

        now = int(time.time())
        with self._database() as db:
            db.execute("BEGIN")  # the two belong together
            try:
                known = _some(db, "SELECT key, id, checksum, used FROM keys WHERE key", keys)
                values = dict(_some(db, "SELECT id, value FROM vectors WHERE id", [one[1] for one in known]))
            finally:
                db.execute("COMMIT")
            if old := [key for key, *_, used in known if used < now - _HOUR]:
                self._touch(db, old, now)
        found: dict[bytes, bytes] = {}
        for key, number, checksum, _ in known:
            value = values.get(number, b"")
            if zlib.crc32(value, zlib.crc32(key)) != checksum:
                raise self._trouble("a vector in it is not what was written", damaged=True)
            if len(value) == 4 * dimension:  # else it is of a time when the model was another
                found[key] = value
        places = [at for at, key in enumerate(keys) if key in found]
        # Of bytes, the vectors could not be written to.
        joined = bytearray().join([found[keys[at]] for at in places])
        rows = np.frombuffer(joined, "<f4").reshape(-1, dimension).astype(np.float32, copy=False)
        if not np.isfinite(rows).all():
            raise self._trouble("a vector in it is not finite", damaged=True)
        return places, rows

    def _touch(self, db: "sqlite3.Connection", keys: list[bytes], now: int) -> None:
        import sqlite3  # noqa: PLC0415 - only where there is a cache

        with contextlib.suppress(
            sqlite3.OperationalError
        ):  # a hit is a hit, though the file cannot be written
            _some(db, f"UPDATE keys SET used = {now} WHERE key", keys)  # noqa: S608 - a number

    def put(
        self, origin: bytes, digests: Sequence[bytes], engine: str | None, rows: "Vectors", limit: int | None
    ) -> None:
        """Takes in vectors, in the place of older ones of the same texts. All-zero ones are hardly right and left out."""
        places = [at for at, row in enumerate(rows) if row.any()]
        keys = keys_of([digests[at] for at in places], engine)
        values = [rows[at].astype("<f4").tobytes() for at in places]
        now = int(time.time())
        with self._database() as db, _transaction(db):
            space = engine, rows.shape[1]
            db.execute("INSERT OR REPLACE INTO origins VALUES (?, ?, ?)", (origin, *space))
            older = "SELECT id FROM keys WHERE key"
            db.executemany("DELETE FROM vectors WHERE id = ?", _some(db, older, keys))
            first = (db.execute("SELECT max(id) FROM vectors").fetchone()[0] or 0) + 1
            db.executemany("INSERT INTO vectors VALUES (?, ?)", enumerate(values, first))
            told = [
                (key, first + at, now, zlib.crc32(values[at], zlib.crc32(key))) for at, key in enumerate(keys)
            ]
            db.executemany("INSERT OR REPLACE INTO keys VALUES (?, ?, ?, ?)", told)
            if limit is not None:
                _shrink(db, limit)

    def forget(self, origin: bytes) -> None:
        """The vectors of an origin are not what it makes now: they are no hits any more."""
        with self._database() as db:
            db.execute("DELETE FROM origins WHERE origin = ?", (origin,))

    def clear(self) -> None:
        """See `Cache.clear`."""
        with self._database() as db:
            with _transaction(db):
                for table in ("origins", "keys", "vectors"):
                    db.execute(f"DELETE FROM {table}")  # noqa: S608 - the names above
            db.execute("VACUUM")

    def close(self) -> None:
        """Closes the file until it is needed again."""
        with _lock:
            if self._open is not None:
                self._open.close()
                self._open = None

    def land(self, digests: Sequence[bytes]) -> None:
        """The sending of some texts has ended, well or not."""
        for digest in digests:
            flight = self.flights.pop(digest)
            flight.texts -= 1
            if not flight.texts:
                flight.landed.set_result(None)


_stores: dict[tuple[int, str], _Store] = {}
"""By process and path, for as long as the process lives. A forked child opens its own, and never closes its parent's: that
would take the locks off the file that the child itself has."""


@atexit.register
def _close_all() -> None:
    for (pid, _), store in _stores.items():
        if pid == os.getpid():
            store.close()


def _some(db: "sqlite3.Connection", statement: str, keys: Sequence[bytes | int]) -> list[Any]:
    """The rows of a statement that ends with the column that must be one of the keys."""
    rows: list[Any] = []
    for start in range(0, len(keys), _AT_ONCE):
        piece = keys[start : start + _AT_ONCE]
        rows += db.execute(f"{statement} IN ({', '.join('?' * len(piece))})", piece).fetchall()
    return rows


@contextlib.contextmanager
def _transaction(db: "sqlite3.Connection") -> Iterator[None]:
    db.execute("BEGIN IMMEDIATE")
    try:
        yield
        db.execute("COMMIT")
    except BaseException:
        if db.in_transaction:  # SQLite has ended it by itself where the disk is full
            db.execute("ROLLBACK")
        raise


def _shrink(db: "sqlite3.Connection", limit: int) -> None:
    """Takes out what was not used for the longest time, if the file is larger than it may be."""
    pages, free = (db.execute(f"PRAGMA {name}").fetchone()[0] for name in ("page_count", "freelist_count"))
    used = (pages - free) * _PAGE
    if used <= limit:
        return
    count = db.execute("SELECT count(*) FROM keys").fetchone()[0]
    most = -(-count * (used - int(limit * _KEPT)) // used)
    oldest = db.execute("SELECT key, id FROM keys ORDER BY used, id LIMIT ?", (most,)).fetchall()
    db.executemany("DELETE FROM vectors WHERE id = ?", [(one[1],) for one in oldest])
    db.executemany("DELETE FROM keys WHERE key = ?", [(one[0],) for one in oldest])


def _opened(path: str) -> "sqlite3.Connection":
    """The file, made if it is not there.

    Raises:
        CacheError: it is on a network drive, or no cache of this version.
        sqlite3.Error: whatever else is wrong with it.
    """
    import sqlite3  # noqa: PLC0415 - only where there is a cache

    if (drive := _network_drive(path)) is not None:
        raise CacheError(
            f"The cache {path} is on a network drive ({drive}), where SQLite's log does not work. Put it on a disk of this "
            "machine, each machine its own.",
            path=path,
        )
    db = sqlite3.connect(path, timeout=_PATIENCE, isolation_level=None, check_same_thread=False)
    try:
        _prepare(db, path)
    except BaseException:
        db.close()
        raise
    return db


def _prepare(db: "sqlite3.Connection", path: str) -> None:
    # Of one moment, for another process may be making the tables. Begun and not yet made, the file has a page without any,
    # and keeps it if that process is killed there.
    tables, owner, version = db.execute(
        "SELECT (SELECT count(*) FROM sqlite_master), application_id, user_version "
        "FROM pragma_application_id, pragma_user_version"
    ).fetchone()
    if (tables or owner or version) and (owner, version) != (_OURS, _VERSION):
        what = (
            "of another version of this package"
            if owner == _OURS
            else "no cache, but a database of something else"
        )
        raise CacheError(f"{path} is {what}. Name another file.", path=path)
    db.execute(f"PRAGMA page_size = {_PAGE}")
    if (mode := _with_a_log(db)) != "wal":
        raise CacheError(
            f"The cache {path}: SQLite keeps no write-ahead log there ({mode}). Put it on another disk.",
            path=path,
        )
    db.execute(
        "PRAGMA synchronous = NORMAL"
    )  # the log is synced before it is taken over, so nothing is ever torn
    db.execute(f"PRAGMA journal_size_limit = {1 << 26}")
    with _transaction(db):  # writes, which shows whether the log works: some drives tell only then
        for statement in _SCHEMA:
            db.execute(statement)


def _with_a_log(db: "sqlite3.Connection") -> str:
    """Switches to the write-ahead log. SQLite does not wait by itself for another process that does the same."""
    import sqlite3  # noqa: PLC0415 - only where there is a cache

    until = time.monotonic() + _PATIENCE
    while True:
        try:
            mode: str = db.execute("PRAGMA journal_mode = WAL").fetchone()[0]
        except sqlite3.OperationalError as error:
            if "locked" not in str(error) or time.monotonic() > until:
                raise
            time.sleep(0.01)
        else:
            return mode


def _network_drive(path: str) -> str | None:
    """The kind of network drive a path is on; None for a disk, and where the system does not say."""
    if sys.platform == "win32":
        return "a share" if path.startswith(("\\\\", "//")) else None
    try:
        with open("/proc/self/mounts", encoding="utf-8", errors="replace") as file:  # noqa: PTH123 - as above
            return network_drive_of(path, file.read())
    except OSError:
        return None


def network_drive_of(path: str, mounts: str) -> str | None:
    """The same, by what Linux says of its mounts, a line each."""
    best, kind = "", None
    for line in mounts.splitlines():
        _, place, name, *_ = line.split(" ")
        place = place.replace("\\040", " ").rstrip("/")
        if path.startswith(f"{place}/") and len(place) >= len(best):
            best, kind = place, name
    return kind if kind in _NETWORK else None
