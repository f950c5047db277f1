"""``demo``: the first thing a newcomer runs."""


def test_it_needs_no_extra_finds_the_right_texts_and_says_what_to_try_next(start, without_click):
    done = start("demo", **without_click)
    out, err = done.communicate(timeout=60)
    assert (done.returncode, err) == (0, "")
    assert "Engine: inworld-local" in out
    wanted = {"refund": "money back", "logging into": "password", "billing": "charged twice"}
    for query, best in wanted.items():
        assert best in out[out.index(query) :].splitlines()[1]
    assert "-m inworld_embeddings serve" in out
    assert "demo --live" in out
