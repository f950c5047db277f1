"""Search by the built-in engine, on queries that were written before it was tuned."""

import pytest


def test_places_count_from_one_and_a_tie_is_no_success():
    from build_table import quality

    vectors = {"b": [0.6, 0.8], "to b": [0, 1]} | {text: [1, 0] for text in ("a", "c", "to a", "d", "to d")}
    text = "# one\na\tto a\nb\tto b\nc\n# two\nd\tto d\n"
    places = quality.ranks(lambda texts: [vectors[text] for text in texts], text)
    assert places == [2, 1, 1]
    assert quality.top1(places) == pytest.approx(2 / 3)
    assert quality.mean_reciprocal_rank(places) == pytest.approx(2.5 / 3)


@pytest.mark.parametrize(
    ("name", "least"),
    [("dev_faq", 0.5), ("dev_titles", 0.7), ("held_out_faq", 0.4), ("held_out_titles", 0.6)],
)
def test_queries_find_their_entry_by_the_table_and_not_by_the_spelling(name, least):
    from build_table import quality

    text = (quality.QUERIES / f"{name}.txt").read_text("utf-8")
    assert quality.top1(quality.ranks(quality.by_engine, text)) >= least
    assert quality.top1(quality.ranks(quality.by_spelling, text)) <= 0.15
