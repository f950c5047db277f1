"""The provider on Daft's native runner: `nox -s cluster -- daft`."""

import base64

import numpy as np
import pytest

from inworld_embeddings import ConfigurationError
from inworld_embeddings.testing import fake_vectors

from .conftest import engine_of

daft = engine_of("daft")
from daft.functions import embed_text  # noqa: E402 - needs Daft
from daft.pickle import dumps  # noqa: E402 - as above

from inworld_embeddings.distributed.daft import InworldProvider  # noqa: E402 - as above

KEY = base64.b64encode(b"local:local").decode()


def embedded(texts, **options):
    column = embed_text(daft.col("text"), provider=InworldProvider(batch_size=4), dimensions=8, **options)
    return daft.from_pydict({"text": texts}).with_column("vector", column)


def test_texts_have_their_vectors_and_nulls_have_none(served):
    texts = [None if n == 7 else f"text {n}" for n in range(50)]
    frame = embedded(texts)
    assert frame.schema()["vector"].dtype == daft.DataType.embedding(daft.DataType.float32(), 8)
    vectors = frame.to_pydict()["vector"]
    assert vectors[7] is None
    del texts[7], vectors[7]
    np.testing.assert_array_equal(np.array(vectors), np.array(fake_vectors(texts, 8), np.float32))


def test_a_text_that_fails_ends_the_query_or_stands_alone(served):
    served.faults.set("poison=bad")
    with pytest.raises(Exception, match="Texts without a vector: 1 of 2"):
        embedded(["good", "bad"]).collect()
    vectors = embedded(["good", "bad"], on_error="ignore").to_pydict()["vector"]
    assert [vector is None for vector in vectors] == [False, True]


@pytest.mark.parametrize("options", [{"model": "new"}, {"dimensions": 9}])
def test_the_dimension_must_be_known_and_right(options, served):
    column = {"provider": InworldProvider(), **options}
    with pytest.raises((ConfigurationError, Exception), match="dimensions="):
        daft.from_pydict({"text": ["a"]}).with_column("v", embed_text(daft.col("text"), **column)).collect()


def test_I07_a_plan_holds_no_key(served, monkeypatch):
    monkeypatch.setenv("INWORLD_API_KEY", KEY)
    provider = InworldProvider(base_url=served.url, api_key=KEY)
    told = dumps(provider.get_text_embedder(dimensions=8))
    assert served.url.encode() in told
    assert KEY[:8].encode() not in told
    assert b"local:local" not in told
