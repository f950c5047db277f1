"""LanceDB: a table with a source column, opened again by a fresh process."""

import pickle

import pytest

from inworld_embeddings import RateLimitError

from .conftest import ANIMALS, KEY, PETS, assert_no_key, assert_right, framework, in_fresh_process

lancedb = framework("lancedb")
framework("lance")

from lancedb.embeddings import EmbeddingFunctionRegistry
from lancedb.pydantic import LanceModel, Vector

from inworld_embeddings.integrations.lancedb import InworldEmbeddings, _shared
from inworld_embeddings.jobs import export_job, run_job
from inworld_embeddings.testing import local_client

AGAIN = """
import lancedb, inworld_embeddings.integrations.lancedb
from lancedb.embeddings import EmbeddingFunctionRegistry
EmbeddingFunctionRegistry.get_instance().set_var("inworld", {key!r})
table = lancedb.connect({path!r}).open_table("texts")
table.add([{{"text": "a tractor"}}])
print(table.count_rows(), table.search({query!r}).limit(1).to_list()[0]["text"])
"""


def table(path, **settings):
    function = EmbeddingFunctionRegistry.get_instance().get("inworld").create(**settings)

    class Row(LanceModel):
        text: str = function.SourceField()
        vector: Vector(function.ndims()) = function.VectorField()

    made = lancedb.connect(str(path)).create_table("texts", schema=Row)
    made.add([{"text": text} for text in ANIMALS])
    return made, function


def test_a_local_table_is_searched_by_a_process_that_has_no_key(tmp_path):
    made, _ = table(tmp_path, local=True)
    assert made.search(PETS).limit(1).to_list()[0]["text"] == ANIMALS[0]
    assert in_fresh_process(AGAIN.format(path=str(tmp_path), query=PETS, key="x")) == f"4 {ANIMALS[0]}"


def test_a_table_is_stored_without_its_key(tmp_path, served):
    EmbeddingFunctionRegistry.get_instance().set_var("inworld", KEY)
    settings = {"api_key": "$var:inworld", "base_url": served.url, "model": "a-new/model"}
    _, function = table(tmp_path, **settings)
    assert function.ndims() == 8
    assert_no_key(tmp_path, repr(function), pickle.dumps(function), function.safe_model_dump())
    assert [len(request) for request in served.log.requests] == [1, 3]  # the dimension, once
    code = AGAIN.format(path=str(tmp_path), query=ANIMALS[1], key=KEY)
    assert in_fresh_process(code) == f"4 {ANIMALS[1]}"
    assert _shared.cache_info().currsize <= 3
    with pytest.raises(ValueError, match="Sensitive key 'api_key'"):
        InworldEmbeddings.create(api_key=KEY)


def test_nothing_is_tried_again_above_the_client_and_a_null_has_no_vector(served, key):
    function = InworldEmbeddings.create(base_url=served.url, max_retries=0)
    assert [vector is None for vector in function.compute_source_embeddings(["a", None, "b"])] == [0, 1, 0]
    served.faults.set("status=429;retry-after=99")
    served.log.clear()
    with pytest.raises(RateLimitError):
        function.compute_source_embeddings_with_retry(["a"])
    assert len(served.log) == 1


def test_a_job_is_exported_as_a_table_with_its_refused_rows(tmp_path):
    (tmp_path / "in.jsonl").write_text('{"t": "a", "id": "x"}\n{"id": "y"}\n{"t": "b", "id": "z"}\n')
    with local_client(dimension=8) as client:
        run_job(tmp_path / "in.jsonl", tmp_path / "out", client=client, text="t", id="id", rows_per_part=2)
    assert export_job(tmp_path / "out", tmp_path / "all.lance") == 3
    made = lancedb.connect(str(tmp_path)).open_table("all")
    first, refused, last = made.to_arrow().to_pylist()
    assert_right([first["vector"], last["vector"]], ["a", "b"])
    assert (refused["row"], refused["id"], refused["vector"]) == (1, "y", None)
    assert refused["error"]["message"] == "in.jsonl, line 2: no text"
    assert made.search(last["vector"]).limit(2).to_arrow()["id"].to_pylist() == ["z", "x"]
