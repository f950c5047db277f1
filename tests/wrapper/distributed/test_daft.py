"""Row H15 on Daft's native runner, and its provider: `nox -s cluster -- daft`."""

import numpy as np
import pytest

from inworld_embeddings import EmbeddingClient, JobError
from inworld_embeddings.jobs import export_job, open_job, retry_job, verify_job
from inworld_embeddings.testing import fake_vectors
from support import mortal

from .conftest import KEY, PATH, ROWS_PER_PART, assert_no_key, content, engine_of, made_in, sent

daft = engine_of("daft")
from daft.functions import embed_text  # noqa: E402 - needs Daft
from daft.pickle import dumps  # noqa: E402 - as above

from inworld_embeddings.distributed import daft as on_daft  # noqa: E402 - as above
from inworld_embeddings.distributed.daft import InworldProvider  # noqa: E402 - as above


def embedded(texts, **options):
    given = {"provider": InworldProvider(batch_size=4), "dimensions": 8, **options}
    frame = daft.from_pydict({"text": texts})
    return frame.with_column("vector", embed_text(daft.col("text"), **given))


def test_texts_have_their_vectors_and_nulls_have_none(served):
    texts = [None if n == 7 else f"text {n}" for n in range(50)]
    frame = embedded(texts)
    assert frame.schema()["vector"].dtype == daft.DataType.embedding(daft.DataType.float32(), 8)
    vectors = frame.to_pydict()["vector"]
    assert vectors.pop(7) is None
    del texts[7]
    np.testing.assert_array_equal(np.array(vectors), np.array(fake_vectors(texts, 8), np.float32))


def test_a_text_that_fails_ends_the_query_or_stands_alone(served):
    served.faults.set("poison=bad")
    with pytest.raises(Exception, match="Texts without a vector: 1 of 2"):
        embedded(["good", "bad"]).collect()
    vectors = embedded(["good", "bad"], on_error="ignore").to_pydict()["vector"]
    assert [vector is None for vector in vectors] == [False, True]


@pytest.mark.parametrize("options", [{"model": "new", "dimensions": None}, {"dimensions": 9}])
def test_the_dimension_must_be_known_and_right(options, served):
    with pytest.raises(Exception, match="dimensions="):
        embedded(["a"], **options).collect()


def test_I07_a_plan_holds_no_key(served, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    provider = InworldProvider(base_url=served.url, api_key=KEY)
    assert_no_key([dumps(provider.get_text_embedder(dimensions=8))], served.url)


def test_H15_a_worker_is_killed_and_the_bytes_of_the_next_run_are_those_of_a_local_job(
    served, lines, locally, tmp_path, monkeypatch
):
    """They are read by Daft's pyarrow, too, which raises at a null among lists of fixed size."""
    source, out, die = lines(60), tmp_path / "out", tmp_path / "die"
    expected = locally(source)
    served.faults.set("latency=0.05")
    monkeypatch.setenv("INWORLD_TEST_DIE", str(die))
    monkeypatch.setenv("PYTHONPATH", PATH)
    client = EmbeddingClient(base_url=served.url, api_key=mortal.key, batch_size=4)
    job = {"client": client, "workers": 2, "rows_per_part": ROWS_PER_PART}
    with pytest.raises(JobError, match="The engine has failed"):
        on_daft.run_job(source, out, on_event=lambda event: event.kind == "part" and die.touch(), **job)
    assert 1 <= len(content(out)) < 12
    die.unlink(missing_ok=True)
    report = on_daft.run_job(source, out, **job)
    assert (report.finished, report.rows, report.refused, report.parts) == (True, 60, 1, 12)
    assert made_in(out) == expected
    assert len(sent(served)) <= 59 + 2 * ROWS_PER_PART  # the other worker ended with the query
    assert verify_job(out) == {}
    assert retry_job(out).refused == 1
    assert [row["row"] for row in open_job(out).refused_rows()] == [3]
    export_job(out, tmp_path / "out.npy")
    assert np.isnan(np.load(tmp_path / "out.npy")).any(axis=1).tolist() == [n == 3 for n in range(60)]
    assert daft.read_parquet(str(out / "*.parquet")).where(daft.col("vector").is_null()).count_rows() == 1
