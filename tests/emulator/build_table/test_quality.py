"""Search by the built-in engine, on queries that were written before it was tuned."""

import pytest


@pytest.mark.parametrize(
    ("name", "least"),
    [("dev_faq", 0.5), ("dev_titles", 0.7), ("held_out_faq", 0.4), ("held_out_titles", 0.6)],
)
def test_queries_find_their_entry_by_the_table_and_not_by_the_spelling(name, least):
    from build_table import quality

    text = (quality.QUERIES / f"{name}.txt").read_text("utf-8")
    assert quality.top1(quality.ranks(quality.by_engine, text)) >= least
    assert quality.top1(quality.ranks(quality.by_spelling, text)) <= 0.15
