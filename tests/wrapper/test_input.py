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
    "a number": (5, "not int"),
    "None": (None, "not NoneType"),
    "a list with None": (["a", None], r"inputs\[1\] is None: missing value at index 1"),
    "a list with NaN": (["a", "b", float("nan")], "is nan: missing value at index 2"),
    "an array with NaN": (np.array(["a", np.nan], dtype=object), "is nan: missing value at index 1"),
    "numbers": (["a", 1.5], r"inputs\[1\] must be a str, not float"),
}


WAYS = {
    "embed": lambda client, texts: client.embed(texts),
    "embed_iter": lambda client, texts: list(client.embed_iter(texts)),
    "plan": lambda client, texts: client.plan(texts),
}


@pytest.mark.parametrize(("texts", "says"), WRONG.values(), ids=WRONG)
@pytest.mark.parametrize("way", WAYS)
def test_I08_what_are_no_texts_in_order_is_refused_everywhere(way, texts, says):
    log = RequestLog()
    with local_client(log=log, batch_size=8) as client, pytest.raises(InvalidInputError, match=says):
        WAYS[way](client, texts)
    if "iter" not in way:  # a stream does first what came before
        assert len(log) == 0


def test_I08_numpys_scalars_are_what_they_hold():
    log = RequestLog()
    with local_client(log=log) as client:
        result = client.embed(
            np.array(["a", "b", "c"]),
            model=np.str_("a-model"),
            batch_size=np.int64(2),
            timeout=np.float32(30),
            max_retries=np.array(1),
            dedupe=np.bool_(False),
        )
        assert (result.model, type(result.model)) == ("a-model", str)
        assert sorted(len(request) for request in log.requests) == [1, 2]  # two at a time, in any order
        with pytest.raises(ConfigurationError, match="batch_size must be a whole number"):
            client.embed(["a"], batch_size=np.array([2, 3]))
        with pytest.raises(ConfigurationError, match="batch_size must be a whole number"):
            client.embed(["a"], batch_size=np.float64(2.5))
