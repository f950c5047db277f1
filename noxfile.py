# /// script
# requires-python = ">=3.11"
# dependencies = ["nox>=2025.5.1"]
# ///
"""How everything runs: ``nox -s NAME``, or ``python3 noxfile.py -s NAME`` where nox is not installed.

The second form makes a small environment for nox beside the sessions' own and goes on in it. ``uv run noxfile.py``
and ``pipx run noxfile.py`` work too. No interpreter is ever downloaded.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent
# One folder an interpreter: nox would reuse an environment of another Python that is installed in the same place.
ENVIRONMENTS = ROOT / ".nox" / sys.version.split()[0]


def bootstrap() -> int:
    """Runs this file again in an environment that has nox."""
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    home = ENVIRONMENTS / ".bootstrap"
    python = home / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not (home / "complete").exists():
        print(
            "Installing nox, which runs everything here, into .nox (once, some ten seconds) ...", flush=True
        )
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
nox.options.envdir = str(ENVIRONMENTS)
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.error_on_external_run = True
nox.options.reuse_existing_virtualenvs = True
nox.options.sessions = ["tests", "lint", "types", "check_generated"]

PROJECT = nox.project.load_toml(ROOT / "pyproject.toml")
VERSION = PROJECT["tool"]["hatch"]["version"]["path"]
PYTHONS = ("3.11", "3.12", "3.13", "3.14", "3.15")


def install(session: nox.Session, *groups: str, extras: str = "") -> None:
    """The project, editable, with the named dependency groups; nothing to do if this environment has had the same."""
    wanted = ["-e", f".{extras}", *nox.project.dependency_groups(PROJECT, *groups)]
    texts = [(ROOT / name).read_text("utf-8") for name in ("pyproject.toml", VERSION)]
    asked, had = json.dumps([str(ROOT), wanted, texts]), Path(session.virtualenv.location) / "installed.json"
    if had.exists() and had.read_text("utf-8") == asked:
        return
    session.install(*wanted)
    if not {"-R", "--no-install"} & set(sys.argv):
        had.write_text(asked, "utf-8")


def build(session: nox.Session, out: str = "") -> Path:
    """Sdist and wheel, built twice to the same bytes; returns the wheel."""
    session.install(*nox.project.dependency_groups(PROJECT, "release"))
    dist = Path(out) if out else Path(session.create_tmp()) / "dist"
    for old in dist.glob("inworld_embeddings-*"):
        old.unlink()
    session.run("python", "tools/release/reproducible.py", str(dist))
    return next(dist.glob("*.whl"))


def diff_tool(session: nox.Session) -> None:
    """The tool that compares two specs, in the session's own environment, which has the group `diff`; once a version."""
    wanted, made = PROJECT["tool"]["diff-spec"]["redocly"], Path(session.virtualenv.location) / "redocly.txt"
    if not made.exists() or made.read_text() != wanted:
        place = ["--global", "--prefix", session.virtualenv.location]
        quiet = ["--ignore-scripts", "--no-audit", "--no-fund"]
        session.run("npm", "install", *place, *quiet, wanted, silent=True)
        made.write_text(wanted)


@nox.session
def demo(session: nox.Session) -> None:
    """Embed a few texts and search them; ``-- --live`` asks the real service (needs INWORLD_API_KEY)."""
    session.log("Installing the client and what it needs (once, some ten seconds) ...")
    install(session, extras="[cli]")
    session.run("python", "-m", "inworld_embeddings", "demo", *session.posargs)
    print("  The tests (some minutes):\n    python3 noxfile.py -s tests\n", flush=True)


@nox.session
def tests(session: nox.Session) -> None:
    """The whole suite on all cores, under the Python that runs this. After ``--``: pytest's own, ``-n 0`` for one process."""
    session.log("Installing the client and the test tools (once, about a minute) ...")
    install(session, "tests", extras="[cli]")
    session.run("pytest", "-n", "auto", *session.posargs)


for _python in PYTHONS:  # tests-3.11 ... tests-3.15
    nox.session(python=_python, name=f"tests-{_python}")(tests)


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
    """Write ``generated/`` and ``tests/fixtures/spec/`` anew from the spec, the config and the templates."""
    install(session, "generate")
    session.run("python", "-m", "tools.generate", *session.posargs)


@nox.session
def check_generated(session: nox.Session) -> None:
    """Fail if ``generated/``, a derived fixture or what the wrapper relies on is not what the spec makes of it."""
    install(session, "generate")
    session.run("python", "-m", "tools.generate", "--check")


@nox.session
def sync_spec(session: nox.Session) -> None:
    """Take ``openapi.yaml`` from the published page, or from ``-- PAGE``: a file or an https address."""
    install(session, "generate")
    session.run("python", "-m", "tools.spec.sync", *session.posargs)


@nox.session
def diff_spec(session: nox.Session) -> None:
    """What changed between ``-- OLD NEW`` (files, pages, git revisions), and what follows from it; see the program."""
    install(session, "diff")
    diff_tool(session)
    session.run("python", "-m", "tools.spec.diff", *session.posargs)


@nox.session
def regenerate(session: nox.Session) -> None:
    """Sync, diff, generate, fixtures, checks and the tests of the contract; ``-- --no-sync`` keeps the spec.

    If a step fails, everything is put back as it was committed.
    """
    install(session, "contract", "diff")
    diff_tool(session)
    session.run("python", "-m", "tools.regenerate", *session.posargs)


@nox.session
def evolution(session: nox.Session) -> None:
    """Every change in ``tests/evolution/cases`` through the whole pipeline, type-checked."""
    install(session, "tests", "diff", extras="[cli]")
    diff_tool(session)
    session.run("pytest", "-n", "auto", "tests/evolution", *session.posargs, env={"EVOLUTION": "1"})


@nox.session
def record(session: nox.Session) -> None:
    """Record ``tests/fixtures/recorded/`` from the real service. Needs INWORLD_API_KEY; nothing else writes there."""
    install(session, "tests")
    session.run("python", "-m", "tools.record", *session.posargs)


@nox.session
def long(session: nox.Session) -> None:
    """Storms, soak, fuzzing and what measures real seconds. ``STORM``, ``ROWS``, ``EXAMPLES``: longer."""
    install(session, "tests", extras="[cli]")
    usual = {"STORM": "10", "ROWS": "20000"}
    counts = {name: os.environ.get(name, count) for name, count in usual.items()}
    session.run("pytest", "-m", "realtime or long", *session.posargs, env=counts)


@nox.session
def mutate(session: nox.Session) -> None:
    """Plant known bugs in retry, limiter and decoder: the tests must notice each. Names after ``--`` choose."""
    install(session, "tests", extras="[cli]")
    session.run("python", "tools/mutate.py", *session.posargs)


@nox.session
def transports(session: nox.Session) -> None:
    """Run the wire rows and a CPU benchmark over each candidate transport; write docs/understand/transports.md."""
    install(session, "tests", "transports", extras="[cli]")
    session.run("python", "benchmarks/transports.py", *session.posargs)


@nox.session
def bench(session: nox.Session) -> None:
    """Side by side with other clients, in ratios; ``-- --report`` writes docs/use/performance.md, ``-- --quick`` is short."""
    install(session, "bench")
    session.run("python", "benchmarks/bench.py", *session.posargs)


@nox.session
def comparison(session: nox.Session) -> None:
    """What other clients do when something goes wrong; writes docs/use/comparison.md."""
    install(session, "bench")
    session.run("python", "benchmarks/comparison.py", *session.posargs)


@nox.session
def engines_st(session: nox.Session) -> None:
    """The sentence-transformers engine over a tiny model that the tests make; installs torch."""
    install(session, "engines_st", extras="[st]")
    session.run("pytest", "tests/emulator/engines/test_sentence_transformers.py", *session.posargs)


@nox.session
def openai_face(session: nox.Session) -> None:
    """The OpenAI-compatible face under the real openai package, LiteLLM and LangChain."""
    install(session, "openai_face", extras="[cli]")
    # LiteLLM and LangChain leave sockets open for the garbage collector, which pytest would call a failure.
    session.run("pytest", "-p", "no:unraisableexception", "tests/emulator/openai_face", *session.posargs)


FRAMEWORKS = {  # what judges an adapter beside its framework
    "chroma": [],
    "haystack": [],
    "lancedb": ["pylance"],
    "langchain": ["langchain", "langchain-tests", "mem0ai"],
    "llama-index": [],
    "llm": [],
    "pydantic-ai": [],
}


@nox.session(reuse_venv=False)
def integrations(session: nox.Session) -> None:
    """The adapter of the framework behind ``--`` under its newest release; ``-- NAME --report`` notes it in the docs."""
    name, *options = session.posargs or ["?"]
    if name not in FRAMEWORKS:
        session.error(f"Name one of {', '.join(FRAMEWORKS)}, as in: nox -s integrations -- langchain")
    module, tests = name.replace("-", "_"), "tests/wrapper/integrations"
    session.install("-e", f".[{name}]")
    session.run(
        "python", "-c", f"import inworld_embeddings.integrations.{module}"
    )  # with nothing else installed
    session.install(*FRAMEWORKS[name], *nox.project.dependency_groups(PROJECT, "integrations"))
    report = [str(ROOT / "docs/use/frameworks.md")] if "--report" in options else []
    session.run(
        "pytest",
        *("-p", "no:unraisableexception"),  # frameworks leave sockets and files open
        *(["-o", "asyncio_mode=auto"] if name == "langchain" else []),
        *(f"{tests}/test_{part}.py" for part in (module, "adapters")),
        *(option for option in options if option != "--report"),
        env={"INTEGRATIONS": " ".join([name, *report])},
    )


@nox.session(reuse_venv=False)
def cluster(session: nox.Session) -> None:
    """Jobs on a real cluster of this machine, in the environment of the engine behind ``--``: ray, spark or daft."""
    engine, *options = session.posargs or session.error("Name an engine, as in: nox -s cluster -- ray")
    install(session, "cluster", extras=f"[cli,s3,{engine}]")
    chosen = "test_ray.py or test_object_store.py" if engine == "ray" else f"test_{engine}.py"
    options += ["-p", "no:unraisableexception", "-s", "-k", chosen]
    session.run("pytest", "tests/wrapper/distributed", *options, env={"CLUSTER": engine})


@nox.session
def docs(session: nox.Session) -> None:
    """The site, into docs/_build. A warning is an error; nothing is fetched."""
    install(session, "docs", extras="[cli,jobs]")
    for form in ("html", "markdown"):  # each page has its Markdown twin beside it
        session.run(
            "sphinx-build", "-W", "--keep-going", "-q", "-b", form, "docs", "docs/_build", *session.posargs
        )


@nox.session
def pictures(session: nox.Session) -> None:
    """Draw the pictures of the pages, for light and dark; names after ``--`` choose."""
    install(session, "pictures", extras="[cli,jobs]")
    session.run("python", "docs/pictures.py", *session.posargs)


@nox.session(reuse_venv=False)
def recipes(session: nox.Session) -> None:
    """The examples for vector stores, PostgreSQL included, frames, DSPy, FastAPI and Jupyter, as the docs have them."""
    install(session, "integrations", "recipes", extras="[cli,jobs]")
    options = ["-p", "no:unraisableexception", "tests/wrapper/integrations/test_recipes.py", *session.posargs]
    session.run("pytest", *options, env={"INTEGRATIONS": "recipes"})


@nox.session
def playground(session: nox.Session) -> None:
    """The playground in a headless Chromium, from PATH or ``CHROMIUM``; ``SCREENSHOTS`` names a folder for pictures."""
    install(session, "browser", extras="[cli]")
    session.run("pytest", "tests/emulator/playground", *session.posargs)


@nox.session
def conformance(session: nox.Session) -> None:
    """schemathesis and the spec's own samples against ``serve``; ``SEED`` repeats a run, ``EXAMPLES`` makes it longer."""
    install(session, "conformance", extras="[cli]")
    session.run("pytest", "tests/conformance", *session.posargs)


@nox.session
def wheel(session: nox.Session) -> None:
    """Build sdist and wheel twice to the same bytes, install the wheel alone, import it; ``-- FOLDER`` keeps them."""
    built = build(session, *session.posargs)
    session.install("--force-reinstall", str(built))
    session.chdir(session.create_tmp())
    session.run("python", str(ROOT / "tools" / "release" / "check_installed.py"))


@nox.session
def api(session: nox.Session) -> None:
    """The public surface against tests/project/api_surface.txt; ``-- --accept`` writes it anew."""
    session.install(*nox.project.dependency_groups(PROJECT, "api"))
    session.run("python", "-m", "tools.release.api_surface", *session.posargs)


NO_DEPENDENCIES = [f"--ignore=tests/{part}" for part in ("tools", "evolution", "project", "typing")]


def test_with(session: nox.Session, *how: str) -> None:
    """The suites that touch dependencies, with what uv resolves."""
    session.install("uv")
    pins = Path(session.create_tmp()) / "pins.txt"
    extras = ("--extra", "cli", "--extra", "otel")
    only = ("--only-binary", ":all:", "--upgrade", "--python", str(Path(session.bin) / "python"))
    session.run("uv", "pip", "compile", "pyproject.toml", *extras, *only, *how, "-q", "-o", str(pins))
    session.run("uv", "pip", "install", "-e", ".[cli,otel]", "--group", "tests", "-c", str(pins))
    # Not the session's own folder, which lies below this pyproject.toml: tests run pytest in what they make there.
    session.run(
        "pytest",
        *NO_DEPENDENCIES,
        *(session.posargs or ["-n", "auto"]),
        env={"TMPDIR": tempfile.gettempdir()},
    )


@nox.session(python=["3.11", "3.13"], reuse_venv=False)
def lowest(session: nox.Session) -> None:
    """The lowest allowed version of each dependency that has a wheel, and the suites that touch them."""
    test_with(session, "--resolution", "lowest-direct")


@nox.session(reuse_venv=False)
def newest(session: nox.Session) -> None:
    """The newest allowed version of each dependency, pre-releases included, and the suites that touch them."""
    test_with(session, "--prerelease", "allow")


@nox.session(reuse_venv=False)
def downstream(session: nox.Session) -> None:
    """Vendor into a sample SDK with our program, then with pip's: build, install without the original, test."""
    wheel = build(session)
    session.install(*nox.project.dependency_groups(PROJECT, "vendoring"))
    ours, pips = (sample_sdk(session, name) for name in ("ours", "pips"))
    inside = Path("src", "acme_sdk", "_vendor")
    session.run("python", "tools/vendor.py", str(ours / inside), "--with-emulator")
    session.run("python", "tools/vendor.py", str(ours / inside), "--check")
    test_sdk(session, ours)
    without_emulator = sample_sdk(session, "without_emulator")
    session.run("python", "tools/vendor.py", str(without_emulator / inside))
    with session.chdir(without_emulator / "src"):
        package = "acme_sdk._vendor.inworld_embeddings"
        session.run("mypy", "--strict", "--config-file=", "--cache-dir=../.mypy_cache", "-p", package)
    links = " ".join(filter(None, (os.environ.get("PIP_FIND_LINKS"), wheel.parent.resolve().as_uri())))
    (pips / inside / "vendor.txt").write_text(f"inworld-embeddings=={wheel.name.split('-')[1]}\n")
    with session.chdir(pips):
        session.run("vendoring", "sync", env={"PIP_FIND_LINKS": links})
    test_sdk(session, pips)


def sample_sdk(session: nox.Session, name: str) -> Path:
    """A fresh copy of the sample, with nothing vendored yet."""
    home = Path(session.create_tmp()) / name
    shutil.rmtree(home, ignore_errors=True)
    shutil.copytree(ROOT / "examples" / "downstream_sdk", home)
    return home


def test_sdk(session: nox.Session, home: Path) -> None:
    """Build the SDK's wheel, install it, run its tests on what is installed."""
    session.run("python", "-m", "build", "--wheel", "--no-isolation", str(home))
    session.install("--force-reinstall", str(next((home / "dist").glob("*.whl"))))
    with session.chdir(home):
        session.run("pytest", env={"CONTRACT_FIXTURES": str(ROOT / "tests" / "fixtures")})


if __name__ == "__main__":
    os.chdir(ROOT)
    nox.main()
