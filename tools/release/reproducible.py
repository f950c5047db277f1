"""Build sdist and wheel twice, in other circumstances, and compare them to the byte: `reproducible.py [--out FOLDER]`.

The two builds differ in folder, umask, file times, time zone, locale and hash seed. What is built are the files that git
knows or would add. ``SOURCE_DATE_EPOCH`` is the commit's time unless it is set. Needs `build` and the build backend
installed (the ``release`` dependency group pins both): another backend may write other bytes.

Exit codes: 0 the same bytes (and with ``--out``, they are there now), 1 they differ; which file in which archive is told.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

NO_COMMIT = "1580601600"  # hatchling's own time for archives, 2020-02-02


@dataclass(frozen=True, slots=True)
class Circumstances:
    """What must not show in the result."""

    folder: str
    umask: int
    modified: int
    environment: dict[str, str]


TWO = (
    Circumstances("a", 0o022, 1_000_000_000, {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
    Circumstances(
        "b/in another folder", 0o077, 1_700_000_000,
        {"TZ": "Asia/Kolkata", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"},
    ),
)  # fmt: skip


def git(*arguments: str) -> str | None:
    """What git says; None where there is no git or no repository, as in an unpacked sdist."""
    try:
        done = subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        return None
    return None if done.returncode else done.stdout


def project_files() -> list[Path]:
    """What is, or would be, in the repository; without one, what is in no hidden folder and no byte code."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    if listed is not None:
        return [path for name in sorted(set(listed.split("\0"))) if (path := ROOT / name).is_file()]
    found = (path.relative_to(ROOT) for path in sorted(ROOT.rglob("*")) if path.is_file())
    return [
        ROOT / path
        for path in found
        if not any(part.startswith(".") or part in ("__pycache__", "dist") for part in path.parts[:-1])
    ]


def copy(files: list[Path], target: Path, modified: int) -> None:
    for path in files:
        new = target / path.relative_to(ROOT)
        new.parent.mkdir(parents=True, exist_ok=True)
        new.write_bytes(path.read_bytes())  # modes are the umask's
        os.utime(new, (modified, modified))


def build(scratch: Path, how: Circumstances, epoch: str) -> Path:
    """Build in these circumstances; returns the folder with both archives."""
    project, out = scratch / how.folder / "project", scratch / how.folder / "dist"
    before = os.umask(how.umask)
    try:
        copy(project_files(), project, how.modified)
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(project)]
        environment = os.environ | how.environment | {"SOURCE_DATE_EPOCH": epoch}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        os.umask(before)
    if done.returncode:
        raise SystemExit(f"the build failed:\n{done.stdout}{done.stderr}")
    return out


def members(archive: Path) -> Iterator[tuple[str, str]]:
    """Each member, with its metadata and the hash of its content, as text."""
    if archive.suffix == ".whl":
        with zipfile.ZipFile(archive) as wheel:
            for item in wheel.infolist():
                yield item.filename, f"{item.date_time} {item.external_attr:o} {_hash(wheel.read(item))}"
    else:
        with tarfile.open(archive) as sdist:
            for entry in sdist:
                content = sdist.extractfile(entry)
                digest = _hash(content.read()) if content else ""
                yield entry.name, f"{entry.mtime} {entry.mode:o} {entry.uid} {entry.uname} {digest}"


def explained(one: Path, other: Path) -> list[str]:
    """What differs between two archives of the same name."""
    first, second = dict(members(one)), dict(members(other))
    lines = [
        f"  {name}: {first.get(name, 'missing')} / {second.get(name, 'missing')}"
        for name in sorted(first.keys() | second.keys())
        if first.get(name) != second.get(name)
    ]
    return lines or ["  the same members; order or compression differs"]


def compare(one: Path, other: Path) -> bool:
    """Print each archive's hash, or what differs; whether all are the same."""
    same = True
    for path in sorted(one.iterdir()):
        digests = [_hash((folder / path.name).read_bytes()) for folder in (one, other)]
        if digests[0] == digests[1]:
            print(f"{digests[0]}  {path.name}")
        else:
            same = False
            print(f"{path.name} differs:", *explained(path, other / path.name), sep="\n")
    return same


def main() -> int:
    """Run the program; see above for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="where the archives go if they are the same")
    given = parser.parse_args()
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or (git("log", "-1", "--format=%ct") or NO_COMMIT).strip()
    with tempfile.TemporaryDirectory() as scratch:
        one, other = (build(Path(scratch), how, epoch) for how in TWO)
        if not compare(one, other):
            return 1
        if given.out:
            given.out.mkdir(parents=True, exist_ok=True)
            for path in one.iterdir():
                shutil.copyfile(path, given.out / path.name)
    return 0


def _hash(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


if __name__ == "__main__":
    sys.exit(main())
