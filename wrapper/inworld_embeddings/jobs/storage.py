"""How anything comes to be in a job's folder, and to stay: `publish` is the only way, under the folder's lock.

A file gets its name only when all of it is on the disk: what has a name is whole, after a crash too. On an object store a
file is put whole, unless one of that name is there; there are no locks.
"""

import contextlib
import errno
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, cast

from ..errors import JobLockedError, StorageError
from .files import is_stored, is_system

LOCK: Final = ".lock"


def publish(folder: Path, name: str, fill: Callable[[Path], object], *, replace: bool = False) -> bool:
    """Gives a folder a whole file, so that no crash and no reader ever sees less of it.

    It is written under a name of its own, synced, linked to its final name, and the folder is synced. A failed fsync is
    never repeated on the same file: the system may have dropped what it could not write.

    Args:
        folder: Where.
        name: Its final name.
        fill: Writes the file of the path that it is given, which is there and empty.
        replace: Whether it takes the place of an older file; else the first one stays.

    Returns:
        Whether it is there by this call; False if another writer was first.

    Raises:
        StorageError: it could not be written; no file of that name has come to be.
    """
    if is_stored(folder):
        return _put(folder / name, fill, replace=replace)
    hidden = folder / f".{name}.{secrets.token_hex(4)}.tmp"
    with storing(folder / name):
        try:
            _write(hidden, fill)
            if replace:
                os.replace(hidden, folder / name)
                first = True
            else:
                first = _linked(hidden, folder / name)
        except BaseException:
            with contextlib.suppress(OSError):
                os.unlink(hidden)
            raise
        sync(folder)
    return first


def _put(final: Path, fill: Callable[[Path], object], *, replace: bool) -> bool:
    """`publish` on an object store."""
    with storing(final), tempfile.TemporaryDirectory() as place:
        held, there = Path(place, final.name), cast("Any", final)
        fill(held)
        try:
            there.fs.pipe_file(there.path, held.read_bytes(), mode="overwrite" if replace else "create")
        except OSError:  # stores differ in what they say of one that is there
            if replace or not final.exists():
                raise
            return False
    return True


def _write(path: Path, fill: Callable[[Path], object]) -> None:
    """A new file, synced."""
    # Open before anything is written: of what could not be written later, the system tells those only who had it open.
    file = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o666)
    try:
        fill(path)
        os.fsync(file)
    finally:
        os.close(file)


_NO_LINKS: Final = {errno.EPERM, errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOTSUP, errno.EMLINK}


def _linked(hidden: Path, final: Path) -> bool:
    """Gives a file its final name, unless another has it; where there are no links, by renaming, under the job's lock."""
    try:
        os.link(hidden, final)
    except FileExistsError:
        os.unlink(hidden)
        return False
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        if final.exists():
            os.unlink(hidden)
            return False
        os.replace(hidden, final)
        return True
    os.unlink(hidden)
    return True


def sync(folder: Path) -> None:
    """Makes names last. Windows keeps them in its journal and cannot sync a folder."""
    if sys.platform == "win32" or is_stored(folder):
        return
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)


def settle(hidden: Path, final: Path) -> None:
    """Gives a file or a folder that a library has written its final name, once all of it is on the disk."""
    inner = [Path(place, name) for place, _, names in os.walk(hidden) for name in names]
    for path in inner or [hidden]:
        file = os.open(path, os.O_RDWR)
        try:
            os.fsync(file)
        finally:
            os.close(file)
    for place, _, _ in os.walk(hidden, topdown=False):
        sync(Path(place))
    os.replace(hidden, final)
    sync(final.parent)


def discard(hidden: Path) -> None:
    """Takes away what did not get its final name."""
    with contextlib.suppress(OSError):
        shutil.rmtree(hidden) if hidden.is_dir() else hidden.unlink(missing_ok=True)


@contextlib.contextmanager
def storing(path: Path) -> Iterator[None]:
    """What the system says about a file, as `StorageError`."""
    try:
        yield
    except Exception as error:
        if not (isinstance(error, OSError) or is_system(error)):
            raise
        raise storage_error(path, error) from error


def storage_error(path: Path, error: Exception) -> StorageError:
    """What the system says about a file."""
    number = getattr(error, "errno", None)
    told = os.strerror(number) if number and not is_stored(path) else error
    return StorageError(
        f"{path}: {told}. Mend that, then run the same command again: what was published stays.",
        errno=number,
    )


def remove(folder: Path, names: Iterable[str]) -> None:
    """Takes files away, those that are there, and makes that last."""
    with storing(folder):
        for name in names:
            (folder / name).unlink(missing_ok=True)
        sync(folder)


def names(folder: Path) -> list[str]:
    """What is in a folder. On an object store one that is not there is an empty one."""
    with storing(folder):
        try:
            return [path.name for path in folder.iterdir()]
        except (FileNotFoundError, NotADirectoryError):
            if not is_stored(folder):
                raise
            return []


@contextlib.contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Holds the folder's lock. It is the system's: it is free as soon as its holder has ended, however that was.

    Raises:
        JobLockedError: another process holds it.
        StorageError: it cannot be locked here.
    """
    if is_stored(folder):  # two runs of one job pay twice, and put the same parts
        yield
        return
    with storing(folder / LOCK):
        file = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            _lock(file, folder)
            os.ftruncate(file, 0)
            os.write(file, json.dumps({"pid": os.getpid(), "host": socket.gethostname()}).encode())
        except BaseException:
            os.close(file)
            raise
    try:
        yield
    finally:
        with storing(folder / LOCK):
            os.close(file)


def _lock(file: int, folder: Path) -> None:
    """Takes the lock, and makes sure that it keeps others out: on some network drives it does not."""
    if not _taken(file):
        holder = _holder(folder)
        raise JobLockedError(
            f"{folder} is being worked on by process {holder.get('pid', '?')} on {holder.get('host', '?')}.",
            **holder,
        )
    other = os.open(folder / LOCK, os.O_RDWR)
    try:
        if _taken(other):
            raise StorageError(
                f"{folder} is on a drive where locks keep nobody out, so two jobs could write to it. Use another drive."
            )
    finally:
        os.close(other)


def _taken(file: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415 - Windows only

            os.lseek(file, 1 << 30, os.SEEK_SET)  # far behind what is written there, which others read
            msvcrt.locking(file, msvcrt.LK_NBLCK, 1)
            os.lseek(file, 0, os.SEEK_SET)
        else:
            import fcntl  # noqa: PLC0415 - not on Windows

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except (BlockingIOError, PermissionError):
        return False
    return True


def _holder(folder: Path) -> dict[str, Any]:
    try:
        told = json.loads((folder / LOCK).read_bytes())
    except (OSError, ValueError):
        return {}
    return {"pid": told.get("pid"), "host": told.get("host")} if isinstance(told, dict) else {}
