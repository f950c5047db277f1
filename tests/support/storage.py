"""A disk that fails, dies or forgets: stands in for `os` in the module that publishes. And what a job left there."""

import errno
import os
import random
import signal
import stat

WRITING = ("open", "fsync", "close", "link", "unlink", "replace", "ftruncate")


class Disk:
    """Does what `os` does, and at one of its operations, counted from 1, something else.

    Args:
        at: Which; 0 for none.
        act: Called in its place with its name, the real function and its arguments.
    """

    def __init__(self, at=0, act=None):
        self.at, self.act, self.log = at, act, []

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in WRITING:
            return real

        def operation(*given, **named):
            self.log.append(name)
            return self.operate(name, real, *given, **named)

        return operation

    def operate(self, name, real, *given, **named):
        """Carries out the operation that was counted last."""
        if len(self.log) == self.at:
            return self.act(name, real, *given, **named)
        return real(*given, **named)


def failing(number):
    def act(name, real, *given, **named):
        if name == "close":
            real(*given)
        raise OSError(number, os.strerror(number))

    return act


def killed(name, real, *given, **named):
    """kill -9, before the operation."""
    os.kill(os.getpid(), signal.SIGKILL)


class PowerLossError(BaseException):
    """Nothing can be done any more."""


class Platter(Disk):
    """Notes what a disk would hold if the power went off before an operation.

    Contents last by fsync of their file, names by fsync of their folder; without that, both may last or not, in any order.
    """

    def __init__(self, at=0):
        super().__init__(at)
        self.off = False
        self.open_files, self.synced = {}, {}
        self.names, self.pending = {}, []  # those that last, and the changes that may

    def operate(self, name, real, *given, **named):
        if len(self.log) == self.at:
            self.off = True
        if self.off and name != "close":
            raise PowerLossError
        result = real(*given, **named)
        if note := getattr(type(self), f"_{name}", None):
            note(self, result, *map(_plain, given))
        return result

    def _open(self, file, path, *_):
        if stat.S_ISDIR(os.fstat(file).st_mode):
            self.open_files[file] = None
        else:
            self.open_files[file] = os.fstat(file).st_ino
            self.pending.append((path, os.fstat(file).st_ino))

    def _fsync(self, _, file):
        number = self.open_files[file]
        if number is None:
            self._settle(self.pending)
        else:
            with open(f"/proc/self/fd/{file}", "rb") as content:
                self.synced[number] = content.read()

    def _link(self, _, old, new):
        self.pending.append((new, os.stat(new).st_ino))

    def _replace(self, _, old, new):
        self.pending += [(new, os.stat(new).st_ino), (old, None)]

    def _unlink(self, _, path):
        self.pending.append((path, None))

    def _settle(self, changes):
        for path, number in changes:
            self.names[path] = number
        self.pending = []

    def after_power_loss(self, folder, generator):
        """Makes a folder what it may be: some pending names, and contents as they were last synced."""
        self._settle([change for change in self.pending if generator.random() < 0.5])
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        for path, number in self.names.items():
            if number is not None:
                with open(path, "wb") as file:
                    file.write(self.synced.get(number, b"\0" * generator.randrange(3)))


def _plain(value):
    return os.fspath(value) if isinstance(value, os.PathLike) else value


def content(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*.parquet"))}


NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)


def seeded():
    """A generator whose seed is printed."""
    seed = random.randrange(1 << 32)
    print(f"seed {seed}")
    return random.Random(seed)
