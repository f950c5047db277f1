"""A copy does its work in a process that knows nothing of the original, and beside other copies of it."""

from dataclasses import replace
from pathlib import Path

from inworld_embeddings import EmbeddingClient
from inworld_embeddings.vendoring import Choice, check

ROOT = Path(__file__).resolve().parents[2]

WORKS = """
import pickle, sys
from acme._vendor.inworld_embeddings import EmbeddingClient, InvalidInputError, about
assert not {"importlib.metadata", "httpx", "numpy"} & set(sys.modules)
for name in ("inworld_embeddings", "inworld_embeddings_client"):
    try:
        __import__(name)
    except ModuleNotFoundError:
        continue
    raise SystemExit(f"{name} is here")
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


def test_both_layers_work_without_the_original(acme, alone):
    module, about, vectors = alone(WORKS, acme()).splitlines()
    assert module == "acme._vendor.inworld_embeddings.client"
    assert about.endswith(", vendored)")
    with EmbeddingClient.local() as client:
        assert bytes.fromhex(vectors) == client.embed(["one", "two"]).vectors.tobytes()


SENDS = """
import httpx, logging
from acme._vendor.inworld_embeddings import EmbeddingClient

class Service(httpx.AsyncBaseTransport):
    answers = [503, 200]
    async def handle_async_request(self, request):
        print(request.headers["user-agent"])
        return httpx.Response(self.answers.pop(0), json={"embeddings": [{"values": [1.0, 2.0]}]})

logging.basicConfig(level="INFO", format="%(name)s")
with EmbeddingClient(api_key="bG9jYWw6bG9jYWw=", transport=Service()) as client:
    import sys
    sys.stderr = sys.stdout
    logging.getLogger().handlers[0].setStream(sys.stdout)
    assert client.embed("x").tolist() == [1.0, 2.0]
"""


def test_a_copy_says_that_it_is_one_and_logs_under_its_own_name(acme, alone, source):
    agent = f"inworld-embeddings/{source.version} (vendored)"
    assert alone(SENDS, acme()).splitlines() == [agent, "acme._vendor.inworld_embeddings", agent]


IMPORT_ALL = """
import importlib, pkgutil, sys
top = importlib.import_module(sys.argv[1] if len(sys.argv) > 1 else "acme._vendor.inworld_embeddings")
names = [module.name for module in pkgutil.walk_packages(top.__path__, top.__name__ + ".")]
for name in names:
    importlib.import_module(name)
print(len(names))
"""


def test_every_module_imports_without_what_belongs_to_the_extras(acme, alone):
    extras = ("click", "rich", "opentelemetry", "sentence_transformers", "torch", "pytest", "openai")
    assert (
        int(alone(IMPORT_ALL, acme(), blocked=(*extras, "inworld_embeddings", "inworld_embeddings_client")))
        > 100
    )


WITHOUT = """
from acme._vendor.inworld_embeddings import ConfigurationError, EmbeddingClient
try:
    EmbeddingClient.local()
except ConfigurationError as error:
    print(error)
print(EmbeddingClient(api_key="bG9jYWw6bG9jYWw=").plan(["x"]).texts)
"""


def test_without_the_emulator_local_mode_says_why_it_is_not_there(acme, alone):
    folder = acme(choice=Choice(emulator=False))
    copy = folder / "acme" / "_vendor" / "inworld_embeddings"
    assert not (copy / "emulator").exists()
    assert sum(path.stat().st_size for path in copy.rglob("*") if path.is_file()) < 600_000
    said, planned = alone(WITHOUT, folder).splitlines()
    assert "vendored without the emulator" in said
    assert planned == "1"
    assert int(alone(IMPORT_ALL, folder)) > 40


LOW_LEVEL = """
import httpx
from acme._vendor.inworld_embeddings_client import Client, EmbedRequest, EmbedResponse, ModelId, embed
answer = httpx.MockTransport(lambda request: httpx.Response(200, json={"embeddings": [{"values": [1.0]}]}))
with Client(base_url="https://api.inworld.ai", httpx_args={"transport": answer}) as client:
    parsed = embed.sync(client=client, body=EmbedRequest([], ModelId('m', 'SERVICE_PROVIDER_INWORLD')))
assert isinstance(parsed, EmbedResponse), parsed
print(parsed.embeddings[0].values)
"""


def test_the_low_level_client_alone_needs_httpx_and_attrs(acme, alone):
    folder = acme(choice=Choice(low_level_only=True))
    others = (
        "msgspec",
        "numpy",
        "simdjson",
        "httptools",
        "dateutil",
        "inworld_embeddings",
        "inworld_embeddings_client",
    )
    assert alone(LOW_LEVEL, folder, blocked=others).strip() == "[1.0]"
    assert (folder / "acme/_vendor/inworld_embeddings_client/py.typed").exists()


def test_testing_helpers_come_when_asked_for(acme, alone):
    folder = acme(choice=Choice(testing=True))
    program = "from acme._vendor.inworld_embeddings.testing import fake_vectors, local_client\nprint(local_client.__module__)"
    assert "acme._vendor" in alone(program, folder)


THREE = """
import os, threading
import inworld_embeddings as original
from acme._vendor import inworld_embeddings as acme
from bolt._vendor import inworld_embeddings as bolt
three = (original, acme, bolt)
clients = [package.EmbeddingClient.local() for package in three]
for client in clients:
    assert client.embed("x").shape == (768,)
print(*(package.about().version for package in three))
print(len({id(package.InworldEmbeddingsError) for package in three}))
names = [f"{package.__name__}._engine.{part}" for package in three for part in ("sync_bridge", "observability", "session")]
import sys
print(len({id(sys.modules[name]) for name in names}), len({sys.modules[n].logger.name for n in names if n.endswith("observability")}))
print(sum(thread.name == "inworld-embeddings" for thread in threading.enumerate()))
try:
    clients[0].embed([1])
except acme.InworldEmbeddingsError:
    print("caught another copy's error")
except original.InvalidInputError:
    print("caught its own")
if hasattr(os, "fork"):
    import warnings
    warnings.simplefilter("ignore", DeprecationWarning)  # there are threads, and that is the test
    child = os.fork()
    if not child:
        os._exit(0 if all(client.embed("y").shape == (768,) for client in clients) else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
for client in clients:
    client.close()
"""


def at_version(source, version):
    text = source.wrapper["_version.py"].replace(source.version.encode(), version.encode())
    return replace(source, version=version, wrapper=source.wrapper | {"_version.py": text})


def test_two_copies_of_different_versions_and_the_original_share_a_process(acme, alone, source):
    acme("acme", upstream=at_version(source, "7.0.0"))
    folder = acme("bolt", Choice(testing=True), upstream=at_version(source, "8.1.0"))
    said = alone(THREE, folder, ROOT / "generated", ROOT / "wrapper", blocked=()).splitlines()
    assert said == [f"{source.version} 7.0.0 8.1.0", "3", "9 3", "3", "caught its own"]


def test_an_installed_wheel_is_a_source_too(tmp_path, alone, source):
    """Laid out as pip does: packages side by side, licences in the dist-info."""
    site = tmp_path / "site"
    info = site / f"inworld_embeddings-{source.version}.dist-info"
    for folder, tree in (
        (site / "inworld_embeddings", source.wrapper),
        (site / "inworld_embeddings_client", source.generated),
        (info / "licenses", source.licences),
    ):
        for name, content in tree.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_bytes(content)
    (httpx,) = (line for line in source.requires if line.startswith("httpx>"))
    version, limit = httpx.removeprefix("httpx").split(",")
    lines = [
        f"httpx{limit},{version}" if line == httpx else line for line in source.requires
    ]  # as hatchling does
    lines.append("click>=8; extra == 'cli'")
    (info / "METADATA").write_text("".join(f"Requires-Dist: {line}\n" for line in lines))
    program = f"from inworld_embeddings.vendoring.__main__ import main\nraise SystemExit(main([{str(tmp_path / 'out')!r}]))"
    assert "both layers" in alone(program, site, blocked=())
    report = check(tmp_path / "out" / "inworld_embeddings", source)
    assert (report.drift, report.edits) == ((), ())
    assert len(report.recorded["requires"]) == len(source.requires)
