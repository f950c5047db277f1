# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5.1"]
# ///
"""How everything runs: ``nox -s NAME``, or ``python3 noxfile.py -s NAME`` where nox is not installed.

The second form makes a small environment for nox beside the sessions' own and goes on in it. ``uv run noxfile.py``
and ``pipx run noxfile.py`` work too. No interpreter is ever downloaded.
"""

import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent


def bootstrap() -> int:
    """Runs this file again in an environment that has nox."""
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    home = ROOT / ".nox" / ".bootstrap"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (home / "complete").exists():
        print("Setting up nox (once) ...", file=sys.stderr, flush=True)
        made = subprocess.run([sys.executable, "-m", "venv", "--clear", str(home)], check=False)
        if made.returncode:
            sys.exit("Making a virtual environment failed; on Debian and Ubuntu: apt install python3-venv")
        subprocess.run([python, "-m", "pip", "install", "--quiet", "nox>=2025.5.1"], check=True)
        (home / "complete").touch()
    return subprocess.run([python, __file__, *sys.argv[1:]], check=False).returncode


try:
    import nox
except ModuleNotFoundError:
    sys.exit(bootstrap())

os.environ.setdefault("UV_PYTHON_DOWNLOADS", "never")
nox.needs_version = ">=2025.5.1"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types", "check_generated"]

PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
EXAMPLE_PAGE = "tests/tools/pages/create-embeddings.md"


def install(session: nox.Session, *groups: str, extras: str = "") -> None:
    """The project, editable, with the named dependency groups."""
    session.install("-e", f".{extras}", *nox.project.dependency_groups(PROJECT, *groups))


@nox.session
def demo(session: nox.Session) -> None:
    """Embed a few texts and search them; ``-- --live`` asks the real service (needs INWORLD_API_KEY)."""
    install(session)
    session.run("python", "examples/demo.py", *session.posargs)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite. Arguments after ``--`` go to pytest."""
    install(session, "tests", extras="[cli]")
    session.run("pytest", *session.posargs)


@nox.session
def lint(session: nox.Session) -> None:
    """ruff, as the pyproject says."""
    session.install(*nox.project.dependency_groups(PROJECT, "lint"))
    session.run("ruff", "check", ".")
    session.run("ruff", "format", "--check", ".")


@nox.session
def types(session: nox.Session) -> None:
    """mypy --strict over everything, pyright over what users import."""
    install(session, "types", extras="[cli]")
    session.run("mypy")
    session.run("pyright")


@nox.session
def generate(session: nox.Session) -> None:
    """Write ``generated/`` anew from the spec, the config and the templates."""
    install(session, "generate")
    session.run("python", "tools/generate.py", *session.posargs)


@nox.session
def check_generated(session: nox.Session) -> None:
    """Fail if ``generated/`` or a derived fixture is not what the spec makes of it."""
    install(session, "generate")
    session.run("python", "tools/generate.py", "--check")
    session.run("python", "tools/spec_fixtures.py", "--check")


@nox.session
def fixtures(session: nox.Session) -> None:
    """Derive ``tests/fixtures/spec/`` anew from ``openapi.yaml``."""
    install(session, "generate")
    session.run("python", "tools/spec_fixtures.py")


@nox.session
def record(session: nox.Session) -> None:
    """Record ``tests/fixtures/recorded/`` from the real service. Needs INWORLD_API_KEY; nothing else writes there."""
    install(session, "tests")
    session.run("python", "tools/record.py", *session.posargs)


@nox.session
def soak(session: nox.Session) -> None:
    """20 000 batches at 30 % mixed faults on loopback: nothing lost, nothing doubled, nothing wrong."""
    install(session, "tests")
    session.run("python", "tests/soak.py", *session.posargs)


@nox.session
def storm(session: nox.Session) -> None:
    """The storms of forks, threads, cancels and interrupts, ``STORM`` times longer than in the suite (default 10)."""
    install(session, "tests")
    files = [str(path) for path in sorted(Path("tests/catalogue").glob("test_rows_f_*.py"))]
    session.run("pytest", *files, *session.posargs, env={"STORM": os.environ.get("STORM", "10")})


@nox.session
def fuzz(session: nox.Session) -> None:
    """The decoder and the error mapper over broken bodies; ``EXAMPLES=1000000`` for longer."""
    install(session, "tests")
    session.run("pytest", "tests/core/test_fuzz.py", *session.posargs, env={"HYPOTHESIS_PROFILE": "fuzz"})


@nox.session
def mutate(session: nox.Session) -> None:
    """Plant known bugs in retry, limiter and decoder: the tests must notice each. Names after ``--`` choose."""
    install(session, "tests", extras="[cli]")
    session.run("python", "tools/mutate.py", *session.posargs)


@nox.session
def transports(session: nox.Session) -> None:
    """Run the wire rows and a CPU benchmark over each candidate transport; write docs/transports.md."""
    install(session, "tests", "transports", extras="[cli]")
    session.run("python", "benchmarks/transports.py", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel, install the wheel alone, import both packages from it."""
    session.install("build")
    dist = Path(session.create_tmp()) / "dist"
    session.run("python", "-m", "build", "--outdir", str(dist))
    built = max(dist.glob("*.whl"), key=lambda path: path.stat().st_mtime)
    session.install("--force-reinstall", str(built))
    session.chdir(session.create_tmp())
    session.run("python", str(ROOT / "tools" / "check_installed.py"))


if __name__ == "__main__":
    os.chdir(ROOT)
    nox.main()
