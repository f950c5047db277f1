"""What people pass by mistake, or out of other libraries: the right texts, or an error before anything is sent (I08)."""

import numpy as np
import pytest

from inworld_embeddings import ConfigurationError, InvalidInputError
from inworld_embeddings.testing import RequestLog, local_client


class Frame:
    """Iterates over the names of its columns, as the tables of pandas do."""

    columns = ("title", "text")

    def __iter__(self):
        return iter(self.columns)


WRONG = {
    "a table": (Frame(), r"one column of the Frame, such as df\['text'\]"),
    "a dict": ({"a": 1}, "a list instead of a dict"),
    "keys": ({"a": 1}.keys(), "a list instead of a dict_keys"),
    "a set": ({"a"}, "a list instead of a set"),
    "bytes": (b"a", "not bytes"),
    "a scalar array": (np.array("a"), "not ndarray"),
    "None": (None, "not NoneType"),
    "a list with None": (["a", None], r"inputs\[1\] is None: missing value at index 1"),
    "an array with NaN": (np.array(["a", np.nan], dtype=object), "is nan: missing value at index 1"),
    "numbers": (["a", 1.5], r"inputs\[1\] must be a str, not float"),
}


@pytest.mark.parametrize(("texts", "says"), WRONG.values(), ids=WRONG)
def test_I08_what_are_no_texts_in_order_is_refused_everywhere(texts, says):
    log = RequestLog()
    with local_client(log=log, batch_size=8) as client:
        for use in (client.embed, client.plan):
            with pytest.raises(InvalidInputError, match=says):
                use(texts)
        assert len(log) == 0
        with pytest.raises(InvalidInputError, match=says):
            list(client.embed_iter(texts))  # which does first what came before


def test_I08_numpys_scalars_are_what_they_hold():
    log = RequestLog()
    options = {"model": np.str_("a-model"), "timeout": np.float32(30), "max_retries": np.array(1)}
    with local_client(log=log) as client:
        texts = np.array(["a", "b", "c"])
        result = client.embed(texts, batch_size=np.int64(2), dedupe=np.bool_(False), **options)
        assert (result.model, type(result.model)) == ("a-model", str)
        assert sorted(len(request) for request in log.requests) == [1, 2]  # two at a time, in any order
        for wrong in (np.array([2, 3]), np.float64(2.5)):
            with pytest.raises(ConfigurationError, match="batch_size must be a whole number"):
                client.embed(["a"], batch_size=wrong)
