"""Copies of the client: what is rewritten, that they work without the original, and what the program says of them."""

import json
from dataclasses import replace
from pathlib import Path

import pytest

from inworld_embeddings import About, __version__, about, vendoring
from support.processes import assert_silent, program

ORIGIN = Path(__file__).parents[2] / "generated/inworld_embeddings_client/provenance.json"
MODULE = '''"""from inworld_embeddings_client import x"""
from {top}_client import (  # from inworld_embeddings_client import
    Client,
)
from {top} import errors
def later():
    é = 1; from {top}_emulator.faults import Faults; from {inside}errors import E
    return "from inworld_embeddings_client import x"  # \f from \u2028 inworld_embeddings_client import x
from inworld_embeddings_client_extras import x; import inworld_embeddings_clients
from . import a; import_module('.inworld_embeddings', __name__); getLogger('inworld_embeddings')
'''


@pytest.mark.parametrize(("name", "up"), [("client.py", "."), ("_emulator/faults/kinds.py", "...")])
def test_only_the_statements_change_and_the_depth_gives_the_dots(name, up):
    before = MODULE.format(top="inworld_embeddings", inside="inworld_embeddings.")
    assert vendoring.made_relative(name, before.encode()).decode() == MODULE.format(top=up, inside=up)


@pytest.mark.parametrize(
    "line",
    [
        "import os, inworld_embeddings_client.models as m",
        "def f():\n    import inworld_embeddings.errors",
        "importlib.import_module(\n'inworld_embeddings_emulator.handle')",
    ],
)
def test_what_cannot_be_rewritten_is_refused_and_named(line):
    with pytest.raises(vendoring.VendorError, match=r"^a/b\.py: line [23] imports inworld_embeddings"):
        vendoring.made_relative("a/b.py", b"\n" + line.encode() + b"\n")


USE = """
from acme._vendor import inworld_embeddings as acme
assert not {"importlib.metadata", "httpx", "numpy"} & set(sys.modules)
import importlib, logging, pickle, pkgutil
import httpx
for name in "click rich opentelemetry sentence_transformers torch pytest openai".split():
    sys.modules[name] = None  # as if it were not installed

statuses = [503, 200]
def serve(request):
    assert request.headers["user-agent"] == f"inworld-embeddings/{acme.__version__} (vendored)"
    return httpx.Response(statuses.pop(0), json={"embeddings": [{"values": [1.0, 2.0]}]})

logging.basicConfig(level="INFO", format="%(name)s", stream=sys.stdout)
with acme.EmbeddingClient(api_key="bG9jYWw6bG9jYWw=", transport=httpx.MockTransport(serve)) as client:
    assert client.embed("x").tolist() == [1.0, 2.0]
assert acme.about().vendored
assert type(pickle.loads(pickle.dumps(acme.InvalidInputError("a")))) is acme.InvalidInputError
for module in pkgutil.walk_packages(acme.__path__, acme.__name__ + "."):
    if not module.name.endswith(".testing.plugin"):  # pytest's
        importlib.import_module(module.name)
try:
    print(pickle.loads(pickle.dumps(acme.EmbeddingClient.local())).embed(["one", "two"]).vectors.shape)
except acme.ConfigurationError as error:
    print(error)
assert not {"inworld_embeddings", "inworld_embeddings_client", "inworld_embeddings_emulator"} & set(sys.modules)
import inworld_embeddings
assert not issubclass(inworld_embeddings.InvalidInputError, acme.InworldEmbeddingsError)
"""
PARTS = {"gateway.py", "testing", "_emulator"}
OF_COMMANDS = {"cli", "jobs", "integrations", "distributed", "vendoring.py", "__main__.py"}


LOCAL = {True: (PARTS, "(2, 768)"), False: (set(), "vendored without the emulator")}


@pytest.mark.parametrize("testing", LOCAL)
def test_a_copy_works_without_the_original_and_beside_it(testing, tmp_path):
    home = tmp_path / "acme" / "_vendor" / "inworld_embeddings"
    vendoring.vendor(home, vendoring.Source.here(), vendoring.Choice(testing=testing))
    parts, local = LOCAL[testing]
    assert {path.name for path in home.iterdir()} & (PARTS | OF_COMMANDS) == parts
    done = program(USE, preamble=f"import sys\nsys.path.insert(0, {str(tmp_path)!r})\n")
    assert_silent(done)
    assert done.stdout.startswith("acme._vendor.inworld_embeddings\n")
    assert local in done.stdout


# The program


@pytest.fixture
def run(tmp_path, capsys):
    """Runs it for a folder of copies: it has to end with this exit code, and to say this."""

    def run(*options, code=0, says=""):
        assert vendoring.main([str(tmp_path), *options]) == code
        assert says in "".join(capsys.readouterr())

    return run


@pytest.fixture
def copy(tmp_path, run):
    run()
    return tmp_path / "inworld_embeddings"


def contents(home):
    files = (path for path in home.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in files}


CARRIED = [("--with-testing", ["", "_client/", "_emulator/"], "")]
CARRIED += [("--low-level-only", [""], ("attrs", "httpx"))]


@pytest.mark.parametrize(("option", "packages", "needs"), CARRIED)
def test_a_copy_carries_licences_types_and_a_true_manifest(option, packages, needs, tmp_path, run):
    """And the same again changes nothing."""
    needed = [line for line in vendoring.Source.here().requires if line.startswith(needs)]
    run("--package", "vectors", option, says="\n  ".join(["declare in the package around it:", *needed]))
    there, origin = contents(tmp_path / "vectors"), json.loads(ORIGIN.read_bytes())
    manifest = json.loads(there.pop(vendoring.MANIFEST))
    assert {"LICENSE", "NOTICE", "LICENSES/Apache-2.0.txt"} <= there.keys()
    assert {f"{package}py.typed" for package in packages} <= there.keys()
    assert manifest["files"].keys() == there.keys()
    told = manifest["version"], manifest["tools"], manifest["spec_sha256"]
    assert told == (__version__, origin["tools"], origin["sha256"]["openapi.yaml"])
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    for again in ([], ["--package", "vectors", option]):
        run(*again, says="up to date and unedited\n")
        assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before


def test_about_tells_the_versions_of_the_package_the_spec_and_the_generator():
    origin = json.loads(ORIGIN.read_bytes())
    generator = f"openapi-python-client {origin['tools']['openapi-python-client']}"
    assert about() == About(__version__, origin["sha256"]["openapi.yaml"], generator, vendored=False)


EDITS = {"mine.py": b"", "options.py": b"# Mine.", "ranking.py": None}
CHANGES = "\n  added mine.py\n  changed options.py\n  removed ranking.py\n"


def test_an_update_adds_and_removes_files_and_keeps_the_choice(copy, run, monkeypatch):
    run("--with-emulator", "--check", code=1)
    run("--with-emulator")
    source = vendoring.Source.here()
    wrapper = source.packages[vendoring.WRAPPER] | EDITS
    del wrapper["ranking.py"]
    newer = replace(source, packages=source.packages | {vendoring.WRAPPER: wrapper})
    monkeypatch.setattr(vendoring.Source, "here", lambda: newer)
    run("--check", code=1, says=CHANGES)
    run(says=CHANGES)
    there = contents(copy)
    assert {"mine.py", "_emulator/engines/minilm_table.bin"} <= there.keys()
    assert not [name for name in there if name.startswith(("ranking", "testing"))]
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    run("--check")


UNREADABLE = {
    "of a merge": b"<<<<<<< ours\n{}",
    "too deep": b"[" * 100_000,
    "an unknown choice": b'{"version": "1", "requires": [], "files": {}, "choice": {"x": 1}}',
}
SPOILT = {"edited": (EDITS, 1, CHANGES)}
SPOILT |= {why: ({"vendored.json": UNREADABLE[why]}, 2, "vendored.json cannot be read") for why in UNREADABLE}


@pytest.mark.parametrize(("edits", "code", "says"), SPOILT.values(), ids=SPOILT)
def test_what_was_edited_is_told_and_kept_unless_forced(edits, code, says, copy, run):
    good = contents(copy)
    for name, content in edits.items():
        (copy / name).unlink() if content is None else (copy / name).write_bytes(content)
    edited = contents(copy)
    run("--check", code=code, says=says)
    run(code=2, says=says)
    assert contents(copy) == edited
    run("--force", says="edited here, and given up:" if code == 1 else "")
    assert contents(copy) == good


def test_a_folder_that_is_no_copy_is_never_replaced_and_a_name_that_cannot_be_imported_refused(tmp_path, run):
    (tmp_path / "acme_sdk").mkdir()
    (tmp_path / "acme_sdk" / "precious.py").touch()
    for more in ([], ["--force"], ["--check"]):
        run("--package", "acme_sdk", *more, code=2, says="no vendored copy")
    for name in ("a.b", "class", "", "../x", "1st"):
        run("--package", name, code=2)
    assert contents(tmp_path) == {"acme_sdk/precious.py": b""}
