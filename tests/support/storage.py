"""A disk that fails, dies or forgets: stands in for `os` in the module that publishes. And what a job left there."""

import errno
import os
import signal

WRITING = ("open", "fsync", "close", "link", "unlink", "replace", "ftruncate")
NUMBERS = (errno.ENOSPC, errno.EDQUOT, errno.EIO, errno.EFBIG)


class Disk:
    """Does what `os` does; one of its operations, counted from 1, fails with an error of this number, or is kill -9 without one."""

    def __init__(self, at=0, number=None):
        self.at, self.number, self.log = at, number, []

    def __getattr__(self, name):
        real = getattr(os, name)
        if name not in WRITING:
            return real

        def operation(*given):
            self.log.append(name)
            return self.operate(name, real, *given)

        return operation

    def operate(self, name, real, *given):
        """Carries out the operation that was counted last."""
        if len(self.log) != self.at:
            return real(*given)
        if self.number is None:
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "close":
            real(*given)
        raise OSError(self.number, os.strerror(self.number))


class PowerLossError(BaseException):
    """Nothing can be done any more."""


class Platter(Disk):
    """Notes what a disk would hold if the power went off before an operation.

    Contents last by fsync of their file, names by fsync of their folder; without that, both may last or not, in any order.
    """

    def __init__(self, at=0):
        super().__init__(at)
        self.off, self.contents = False, {}
        self.names, self.pending = {}, []  # the files of the names that last, and of those that may

    def operate(self, name, real, *given):
        self.off = self.off or len(self.log) == self.at
        if self.off and name != "close":
            raise PowerLossError
        result = real(*given)
        paths = [path for path in given if isinstance(path, os.PathLike) and not os.path.isdir(path)]
        self.pending += [(path, os.stat(path).st_ino if os.path.exists(path) else None) for path in paths]
        if name == "fsync":
            self._fsync(f"/proc/self/fd/{given[0]}")
        return result

    def _fsync(self, path):
        if os.path.isdir(path):
            self.names |= dict(self.pending)
            self.pending = []
        else:
            with open(path, "rb") as file:
                self.contents[os.stat(path).st_ino] = file.read()

    def after_power_loss(self, folder, generator):
        """Makes a folder what it may be: some pending names, and contents as they were last synced."""
        self.names |= dict(change for change in self.pending if generator.random() < 0.5)
        for name in os.listdir(folder):
            os.unlink(os.path.join(folder, name))
        for path, number in self.names.items():
            if number is not None:
                with open(path, "wb") as file:
                    file.write(self.contents.get(number, b"\0" * generator.randrange(3)))


def content(out):
    return {path.name: path.read_bytes() for path in sorted(out.glob("part-*.parquet"))}
