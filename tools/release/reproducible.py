"""Build sdist and wheel twice, in other circumstances, and compare them to the byte: `reproducible.py [--out FOLDER]`.

The two builds differ in folder, umask, file times, time zone, locale and hash seed. What is built are the files that git
knows or would add. ``SOURCE_DATE_EPOCH`` is the commit's time unless it is set. Needs `build` and the build backend
installed (the ``release`` dependency group pins both): another backend may write other bytes.

Exit codes: 0 the same bytes (and with ``--out``, they are there now), 1 they differ; both are kept, to be looked at with diffoscope.
"""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
NO_COMMIT = "1580601600"  # hatchling's own time for archives, 2020-02-02

# What must not show in the result: a folder, a umask, a file's time, and settings.
TWO = (
    ("a", 0o022, 1_000_000_000, {"TZ": "UTC", "LC_ALL": "C", "PYTHONHASHSEED": "1"}),
    ("b/in another folder", 0o077, 1_700_000_000, {"TZ": "Asia/Kolkata", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "2"}),
)  # fmt: skip


def git(*arguments: str) -> str:
    """What git says; nothing where there is no git or no repository, as in an unpacked sdist."""
    if not shutil.which("git"):
        return ""
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True, check=False).stdout


def project_files() -> list[Path]:
    """What is, or would be, in the repository; without one, what is in no hidden folder and no byte code."""
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    found = map(Path, listed) if any(listed) else (path.relative_to(ROOT) for path in ROOT.rglob("*"))
    left_out = {"__pycache__", "dist"}
    return [
        path
        for path in sorted(set(found))
        if (ROOT / path).is_file()
        and (any(listed) or not any(part[0] == "." or part in left_out for part in path.parts[:-1]))
    ]


def build(scratch: Path, folder: str, umask: int, modified: int, settings: dict[str, str]) -> Path:
    """Build in these circumstances; returns the folder with both archives."""
    project, out = scratch / folder / "project", scratch / folder / "dist"
    epoch = os.environ.get("SOURCE_DATE_EPOCH") or git("log", "-1", "--format=%ct").strip() or NO_COMMIT
    before = os.umask(umask)
    try:
        for path in project_files():
            new = project / path
            new.parent.mkdir(parents=True, exist_ok=True)
            new.write_bytes((ROOT / path).read_bytes())  # modes are the umask's
            os.utime(new, (modified, modified))
        command = [sys.executable, "-m", "build", "--no-isolation", "--outdir", str(out), str(project)]
        environment = os.environ | settings | {"SOURCE_DATE_EPOCH": epoch}
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    finally:
        os.umask(before)
    if done.returncode:
        raise SystemExit(f"the build failed:\n{done.stdout}{done.stderr}")
    return out


def compare(one: Path, other: Path) -> bool:
    """Print the hash of each archive in a folder; whether it is its namesake's in another."""
    same = True
    for path in sorted(one.iterdir()):
        digests = [hashlib.sha256((folder / path.name).read_bytes()).hexdigest() for folder in (one, other)]
        same = same and digests[0] == digests[1]
        print(f"{digests[0]}  {path.name}" if digests[0] == digests[1] else f"{path.name} differs")
    return same


def main() -> int:
    """Run the program; see above for the exit codes."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--out", type=Path, help="where the archives go if they are the same")
    out = parser.parse_args().out
    scratch = Path(tempfile.mkdtemp())
    one, other = (build(scratch, *how) for how in TWO)
    if not compare(one, other):
        print(f"What differs, by member: diffoscope {str(one)!r} {str(other)!r}")
        return 1
    if out:
        shutil.copytree(one, out, dirs_exist_ok=True)
    shutil.rmtree(scratch)
    return 0


if __name__ == "__main__":
    sys.exit(main())
