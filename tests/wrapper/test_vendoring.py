"""Copies of the client: what is rewritten, that they work without the original, and what the program says of them."""

import json
import re
import subprocess
import sys
import sysconfig
import tomllib
from dataclasses import replace
from pathlib import Path

import pytest

from inworld_embeddings import EmbeddingClient, vendoring

ROOT = Path(__file__).resolve().parents[2]
LOCAL = vendoring.Choice(emulator=True)


@pytest.fixture(scope="module")
def source():
    return vendoring.Source.here()


def with_files(source, version, **files):
    """Another version of the source: wrapper modules changed, or removed with None."""
    wrapper = source.packages[vendoring.WRAPPER] | {f"{name}.py": text for name, text in files.items()}
    wrapper = {name: text for name, text in wrapper.items() if text is not None}
    return replace(source, version=version, packages={**source.packages, vendoring.WRAPPER: wrapper})


# The imports

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


# At work, in a process that knows nothing of the original

BLOCK = """
import sys
class _Blocked:
    def find_spec(self, name, path=None, target=None):
        if name.partition(".")[0] in {blocked}:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)
sys.meta_path.insert(0, _Blocked())
sys.path[:0] = {paths}
"""
DEPENDENCIES = [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]


def alone(program, *folders, blocked=()):
    """Runs a program with the dependencies and some folders, but nothing else. Returns what it prints."""
    setup = BLOCK.format(blocked=tuple(blocked), paths=[*map(str, folders), *DEPENDENCIES])
    command = [sys.executable, "-I", "-S", "-W", "error", "-c", setup + program]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def acme(tmp_path, source):
    def make(package="acme", choice=LOCAL, upstream=source):
        vendored = tmp_path / package / "_vendor"
        vendored.mkdir(parents=True)
        (tmp_path / package / "__init__.py").touch()
        (vendored / "__init__.py").touch()
        vendoring.vendor(vendored / vendoring.WRAPPER, upstream, choice)
        return tmp_path

    return make


EXTRAS = "click rich opentelemetry sentence_transformers torch pytest openai"
NO_EXTRAS = (*EXTRAS.split(), *vendoring.PLACES)
IMPORT_ALL = """
import importlib, pkgutil
top = importlib.import_module("acme._vendor.inworld_embeddings")
names = [module.name.removeprefix(top.__name__ + ".") for module in pkgutil.walk_packages(top.__path__, top.__name__ + ".")]
for name in names:
    if name != "testing.plugin":
        importlib.import_module(f"{top.__name__}.{name}")
print(*names)
"""


def parts_of(names):
    """Which optional parts are among the modules that were imported; the client is, and no command."""
    names = set(names.split())
    assert {"client", "_client", "_engine.engine"} <= names
    assert not {"cli", "vendoring", "__main__"} & names
    return names & {"gateway", "_emulator", "testing"}


WORKS = """
import pickle, sys
from acme._vendor.inworld_embeddings import EmbeddingClient, InvalidInputError, about
assert not {"importlib.metadata", "httpx", "numpy"} & set(sys.modules)
client = pickle.loads(pickle.dumps(EmbeddingClient.local()))
vectors = client.embed(["one", "two"]).vectors
try:
    client.embed([1])
except InvalidInputError as error:
    assert type(pickle.loads(pickle.dumps(error))) is InvalidInputError
else:
    raise SystemExit("no error")
client.close()
print(type(client).__module__, about(), vectors.tobytes().hex(), sep="\\n")
"""


def test_local_mode_works_without_the_original(acme):
    folder = acme(choice=vendoring.Choice(testing=True))
    module, about, vectors, names = alone(WORKS + IMPORT_ALL, folder, blocked=NO_EXTRAS).splitlines()
    assert module == "acme._vendor.inworld_embeddings.client"
    assert about.endswith(", vendored)")
    with EmbeddingClient.local() as client:
        assert bytes.fromhex(vectors) == client.embed(["one", "two"]).vectors.tobytes()
    assert parts_of(names) == {"gateway", "_emulator", "testing"}


SENDS = """
import httpx, logging, sys
from acme._vendor.inworld_embeddings import EmbeddingClient

class Service(httpx.AsyncBaseTransport):
    answers = [503, 200]
    async def handle_async_request(self, request):
        print(request.headers["user-agent"])
        return httpx.Response(self.answers.pop(0), json={"embeddings": [{"values": [1.0, 2.0]}]})

logging.basicConfig(level="INFO", format="%(name)s", stream=sys.stdout)
with EmbeddingClient(api_key="bG9jYWw6bG9jYWw=", transport=Service()) as client:
    assert client.embed("x").tolist() == [1.0, 2.0]
try:
    EmbeddingClient.local()
except ValueError as error:
    print(error)
"""


def test_without_the_emulator_it_sends_and_local_mode_says_why_it_is_not_there(acme, source):
    folder = acme(choice=vendoring.Choice())
    copy = folder / "acme" / "_vendor" / "inworld_embeddings"
    assert sum(path.stat().st_size for path in copy.rglob("*") if path.is_file()) < 600_000
    agent = f"inworld-embeddings/{source.version} (vendored)"
    *sent, local, names = alone(SENDS + IMPORT_ALL, folder, blocked=NO_EXTRAS).splitlines()
    assert sent == [agent, "acme._vendor.inworld_embeddings", agent]
    assert "vendored without the emulator" in local
    assert parts_of(names) == set()


THREE = """
import sys, threading
import inworld_embeddings as original
from acme._vendor import inworld_embeddings as acme
from bolt._vendor import inworld_embeddings as bolt
three = (original, acme, bolt)
clients = [package.EmbeddingClient.local() for package in three]
for client in clients:
    assert client.embed("x").shape == (768,)
print(*(package.about().version for package in three))
print(len({id(package.InworldEmbeddingsError) for package in three}))
print(*sorted({sys.modules[f"{package.__name__}._engine.observability"].logger.name for package in three}))
print(sum(thread.name == "inworld-embeddings" for thread in threading.enumerate()))
try:
    clients[0].embed([1])
except acme.InworldEmbeddingsError:
    print("caught another copy's error")
except original.InvalidInputError:
    print("caught its own")
for client in clients:
    client.close()
"""


def test_two_copies_of_different_versions_and_the_original_share_a_process(acme, source):
    def at(version):
        text = source.packages[vendoring.WRAPPER]["_version.py"]
        return with_files(source, version, _version=text.replace(source.version.encode(), version.encode()))

    acme("acme", upstream=at("7.0.0"))
    folder = acme("bolt", upstream=at("8.1.0"))
    said = alone(THREE, folder, ROOT / "generated", ROOT / "wrapper", ROOT / "emulator").splitlines()
    logs = "acme._vendor.inworld_embeddings bolt._vendor.inworld_embeddings inworld_embeddings"
    assert said == [f"{source.version} 7.0.0 8.1.0", "3", logs, "3", "caught its own"]


# The program


@pytest.fixture
def copy(tmp_path, source):
    home = tmp_path / "_vendor" / "inworld_embeddings"
    vendoring.vendor(home, source)
    return home


@pytest.fixture
def upstream(monkeypatch, source):
    """Makes the source another one: files changed, or removed with None."""

    def move(**files):
        moved = with_files(source, "99.0.0", **files)
        monkeypatch.setattr(vendoring.Source, "here", classmethod(lambda cls: moved))

    return move


def contents(home):
    files = (path for path in home.rglob("*") if path.is_file())
    return {path.relative_to(home).as_posix(): path.read_bytes() for path in files}


def test_a_copy_carries_licences_types_and_a_true_manifest(tmp_path, source, capsys):
    assert vendoring.main([str(tmp_path), "--package", "vectors", "--with-emulator"]) == 0
    home = tmp_path / "vectors"
    typed = {f"{folder}/py.typed".removeprefix("/") for folder in vendoring.PLACES.values()}
    assert {"LICENSE", "NOTICE", "LICENSES/Apache-2.0.txt", *typed} <= contents(home).keys()
    manifest = json.loads((home / vendoring.MANIFEST).read_text("utf-8"))
    origin = json.loads((ROOT / "generated/inworld_embeddings_client/provenance.json").read_text("utf-8"))
    assert manifest["version"] == source.version
    assert manifest["spec_sha256"] == origin["sha256"]["openapi.yaml"]
    assert manifest["tools"] == origin["tools"]
    assert manifest["files"].keys() == contents(home).keys() - {vendoring.MANIFEST}
    assert set(source.requires) == set(manifest["requires"])
    assert all(line in capsys.readouterr().out for line in source.requires[:1])


@pytest.mark.parametrize("options", [[], ["--with-testing"], ["--low-level-only"]])
def test_again_changes_nothing(tmp_path, capsys, options):
    assert vendoring.main([str(tmp_path), *options]) == 0
    before = {path: path.stat().st_ino for path in tmp_path.rglob("*")}
    for again in ([], options):
        assert vendoring.main([str(tmp_path), *again]) == 0
        assert "up to date and unedited\n" in capsys.readouterr().out
        assert {path: path.stat().st_ino for path in tmp_path.rglob("*")} == before


def test_an_update_takes_what_is_new_removes_what_is_gone_and_keeps_the_choice(copy, upstream, capsys):
    assert vendoring.main([str(copy.parent), "--with-emulator", "--check"]) == 1
    assert vendoring.main([str(copy.parent), "--with-emulator"]) == 0
    upstream(ranking=None, fresh=b'"""New."""\n', options=b'"""Changed."""\n')
    assert vendoring.main([str(copy.parent), "--check"]) == 1
    assert vendoring.main([str(copy.parent)]) == 0
    said = capsys.readouterr().out
    assert all(f"  {line}.py" in said for line in ("removed ranking", "added fresh", "changed options"))
    there = contents(copy)
    assert {"fresh.py", "_emulator/engines/minilm_table.bin"} <= there.keys()
    assert not [name for name in there if name.startswith(("ranking", "testing"))]
    assert [path.name for path in copy.parent.iterdir()] == [copy.name]
    assert vendoring.main([str(copy.parent), "--check"]) == 0


EDITS = {
    "changed options.py": lambda copy: (copy / "options.py").write_text("# mine\n"),
    "added mine.py": lambda copy: (copy / "mine.py").touch(),
    "removed ranking.py": lambda copy: (copy / "ranking.py").unlink(),
}


@pytest.mark.parametrize("line", EDITS)
def test_edits_are_told_and_kept_unless_forced(copy, capsys, line):
    EDITS[line](copy)
    before = contents(copy)
    assert vendoring.main([str(copy.parent), "--check"]) == 1
    assert f"edited here:\n  {line}" in capsys.readouterr().out
    assert vendoring.main([str(copy.parent)]) == 2
    assert line in capsys.readouterr().err
    assert contents(copy) == before
    assert vendoring.main([str(copy.parent), "--force"]) == 0
    assert line in capsys.readouterr().out
    assert vendoring.main([str(copy.parent), "--check"]) == 0


GOOD = {"version": "1", "choice": {}, "requires": [], "files": {}}
WRONG = [{"choice": {"unknown": True}}, {"requires": [{}]}, {"files": {"client.py": None}}]
UNREADABLE = [b"<<<<<<< ours\n{}", b"\x00\xff\x80", b"[" * 100_000, b'{"version": 1}']
UNREADABLE += [json.dumps(GOOD | wrong).encode() for wrong in WRONG]


def test_a_manifest_that_cannot_be_read_is_one_line_and_code_2(copy, capsys):
    good = (copy / vendoring.MANIFEST).read_bytes()
    for manifest in UNREADABLE:
        (copy / vendoring.MANIFEST).write_bytes(manifest)
        for options in (["--check"], []):
            assert vendoring.main([str(copy.parent), *options]) == 2, manifest
            said = capsys.readouterr()
            assert re.fullmatch(r"error: .*vendored\.json cannot be read.*--force.*\n", said.err), manifest
        assert vendoring.main([str(copy.parent), "--force"]) == 0, manifest
        assert (copy / vendoring.MANIFEST).read_bytes() == good


def test_a_folder_that_is_no_copy_is_never_replaced_and_a_name_that_cannot_be_imported_refused(
    tmp_path, capsys
):
    (tmp_path / "acme_sdk").mkdir()
    (tmp_path / "acme_sdk" / "precious.py").write_text("")
    for more in ([], ["--force"], ["--check"]):
        assert vendoring.main([str(tmp_path), "--package", "acme_sdk", *more]) == 2
        assert "no vendored copy" in capsys.readouterr().err
    for name in ("a.b", "class", "a-b", "", "../x", "1st"):
        assert vendoring.main([str(tmp_path), "--package", name]) == 2
    assert contents(tmp_path) == {"acme_sdk/precious.py": b""}


def test_an_installed_wheel_is_a_source_too(tmp_path, source):
    """Laid out as pip does: packages side by side, licences in the dist-info."""
    site = tmp_path / "site"
    info = site / f"inworld_embeddings-{source.version}.dist-info"
    for folder, tree in {**source.packages, f"{info.name}/licenses": source.licences}.items():
        for name, content in tree.items():
            (site / folder / name).parent.mkdir(parents=True, exist_ok=True)
            (site / folder / name).write_bytes(content)
    lines = [*source.requires, "click>=8; extra == 'cli'"]
    (info / "METADATA").write_text("".join(f"Requires-Dist: {line}\n" for line in lines))
    program = (
        f"from inworld_embeddings.vendoring import main\nraise SystemExit(main([{str(tmp_path / 'out')!r}]))"
    )
    assert source.requires[0] in alone(program, site)
    report = vendoring.check(tmp_path / "out" / "inworld_embeddings", source)
    assert (report.drift, report.edits) == ((), ())
    assert report.recorded == report.current


def test_the_sample_sdk_declares_what_a_copy_needs(source):
    sample = ROOT / "examples" / "downstream_sdk" / "pyproject.toml"
    assert tuple(tomllib.loads(sample.read_text("utf-8"))["project"]["dependencies"]) == source.requires
