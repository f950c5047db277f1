"""``demo``: the first thing a newcomer runs."""

import pytest


@pytest.mark.parametrize("extra", [True, False])
def test_it_needs_no_extra_finds_the_right_texts_and_says_what_to_try_next(run, start, without_click, extra):
    if extra:
        code, out, err = run("demo")
    else:
        done = start("demo", **without_click, PYTHONIOENCODING="ascii")
        (out, err), code = done.communicate(timeout=60), done.returncode
    assert (code, err) == (0, "")
    assert "By inworld-local-minilm-ngram-v2: a local stand-in, not the service's vectors." in out
    assert "sentence-transformers" not in out
    wanted = {"refund": "money back", "logging into": "password", "billing": "charged twice"}
    for query, best in wanted.items():
        assert best in out[out.index(query) :].splitlines()[1]
    for command in ("search --local", "job run --local", "serve", "demo --live"):
        assert command in out
