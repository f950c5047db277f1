import random

from inworld_embeddings._core.retry_budget import RetryBudget


def test_it_starts_full_and_refuses_when_empty():
    budget = RetryBudget(capacity=3)
    assert [budget.spend() for _ in range(5)] == [True, True, True, False, False]
    assert budget.tokens == 0


def test_successes_buy_retries_back_but_never_over_the_capacity():
    budget = RetryBudget(capacity=2, refund=0.5)
    budget.success()
    assert budget.tokens == 2
    budget.spend()
    budget.spend()
    budget.success()
    assert not budget.spend()
    budget.success()
    assert budget.spend()


def calls(share: float, count: int, seed: int) -> tuple[int, int]:
    """Interactive calls of three attempts against random faults: retries made, retries refused."""
    budget, rng, made, refused = RetryBudget(), random.Random(seed), 0, 0
    for _ in range(count):
        for attempt in range(3):
            if rng.random() >= share:
                budget.success()
                break
            if attempt == 2:
                break
            if not budget.spend():
                refused += 1
                break
            made += 1
    return made, refused


def test_steady_faults_of_30_percent_never_empty_it():
    for seed in range(5):
        assert calls(0.3, 20_000, seed)[1] == 0


def test_G08_an_outage_is_not_amplified():
    made, refused = calls(1.0, 20_000, 1)
    assert made == 50
    assert refused >= 19_900
