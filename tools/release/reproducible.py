"""Build sdist and wheel twice, in other circumstances, and compare them to the byte: `reproducible.py FOLDER`.

First from here into the folder, then from that sdist, unpacked elsewhere: with other file modes and times, another umask,
time zone, locale and hash seed. ``SOURCE_DATE_EPOCH`` is the commit's time unless it is set. Needs `build` and the build
backend installed (the ``release`` dependency group pins both): another backend may write other bytes.

Exit codes: 0 the same bytes, 1 they differ; both are kept, to be looked at with diffoscope.
"""

import filecmp
import os
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
HERE = {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}
ELSEWHERE = {"TZ": "Asia/Kolkata", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}


def commit_time() -> dict[str, str]:
    """The setting that dates archives by the commit; none without a repository, where hatchling has a date of its own."""
    if "SOURCE_DATE_EPOCH" in os.environ or not shutil.which("git"):
        return {}
    log = ["git", "log", "-1", "--format=%ct"]
    told = subprocess.run(log, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip()
    return {"SOURCE_DATE_EPOCH": told} if told else {}


def build(project: Path, out: Path, umask: int, settings: dict[str, str]) -> None:
    """Build both archives of a project into a folder."""
    command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(project)]
    environment = os.environ | settings
    done = subprocess.run(command, env=environment, umask=umask, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the build failed:\n{done.stdout}{done.stderr}")


def unpacked(sdist: Path, folder: Path) -> Path:
    """The project that an sdist was made from, with modes and times that no checkout has."""
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    project = next(folder.iterdir())
    (project / "PKG-INFO").unlink()  # written by the build
    for path in project.rglob("*"):
        path.chmod(path.stat().st_mode & 0o700)
        os.utime(path, (1_000_000_000, 1_000_000_000))
    return project


def differing(one: Path, other: Path) -> list[str]:
    """The names of the archives in a folder that are not the same in another."""
    names = sorted(path.name for path in one.glob("inworld_embeddings-*"))
    return [name for name in names if name not in filecmp.cmpfiles(one, other, names, shallow=False)[0]]


def main(out: Path) -> int:
    """Run the program; see above for the exit codes."""
    scratch, time = Path(tempfile.mkdtemp()), commit_time()
    build(ROOT, out, 0o022, HERE | time)
    build(unpacked(next(out.glob("*.tar.gz")), scratch / "another folder"), scratch, 0o077, ELSEWHERE | time)
    if names := differing(out, scratch):
        print(f"{' and '.join(names)} differ; by member: diffoscope {str(out)!r} {str(scratch)!r}")
        return 1
    print("Built twice, the same bytes.")
    shutil.rmtree(scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
