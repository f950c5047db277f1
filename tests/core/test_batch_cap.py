from inworld_embeddings._core.batch_cap import PATIENCE, BatchCap


def test_it_knows_nothing_at_first_and_then_the_least():
    cap = BatchCap()
    cap.took(500)
    assert cap.most is None
    for most in (64, 32, 90):
        cap.lower(most)
    assert cap.most == 32


def test_full_batches_raise_it_by_and_by():
    cap = BatchCap()
    cap.lower(10)
    for _ in range(3 * PATIENCE):
        cap.took(9)
    assert cap.most == 10
    for _ in range(PATIENCE - 1):
        cap.took(10)
    assert cap.most == 10
    cap.took(10)
    assert cap.most == 20


def test_a_refusal_starts_the_count_anew():
    cap = BatchCap()
    cap.lower(10)
    for _ in range(PATIENCE - 1):
        cap.took(10)
    cap.lower(10)
    cap.took(10)
    assert cap.most == 10


def test_it_forgets_what_was_about_one_text():
    cap = BatchCap()
    cap.lower(1)
    cap.restore(None)
    assert cap.most is None
