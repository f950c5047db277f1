import random

import pytest

from inworld_embeddings._core.backoff import after_hint, full_jitter, throttle_delay, transient_delay

ALMOST_ONE = 1.0 - 2.0**-53


@pytest.mark.parametrize(
    ("delay", "retry", "longest"),
    [
        (transient_delay, 0, 0.05),
        (transient_delay, 1, 0.1),
        (transient_delay, 8, 12.8),
        (transient_delay, 9, 20.0),
        (transient_delay, 100_000, 20.0),
        (throttle_delay, 0, 1.0),
        (throttle_delay, 4, 16.0),
        (throttle_delay, 5, 20.0),
    ],
)
def test_the_wait_doubles_up_to_the_cap_and_is_jittered_from_zero(delay, retry, longest):
    assert delay(retry, lambda: 0.0) == 0.0
    assert delay(retry, lambda: 0.5) == pytest.approx(longest / 2)
    assert delay(retry, lambda: ALMOST_ONE) == pytest.approx(longest)


def test_jitter_comes_after_the_cap():
    # Drawn before the cap, a late retry would nearly always be exactly the cap.
    draw = random.Random(1).random
    waits = [full_jitter(20, draw, base=0.05) for _ in range(1000)]
    assert len(set(waits)) == 1000
    assert sum(waits) / 1000 == pytest.approx(10.0, rel=0.05)


@pytest.mark.parametrize("hint", [0.0, 1e-9, 1.5, 30.0])
@pytest.mark.parametrize("delay", [transient_delay, throttle_delay])
def test_C08_a_hint_is_never_cut_short_and_at_most_a_quarter_longer(delay, hint):
    assert delay(3, lambda: 0.0, hint) == hint
    assert hint <= delay(3, lambda: 0.7, hint) <= hint * 1.25
    assert after_hint(hint, lambda: ALMOST_ONE) <= hint * 1.25
    assert after_hint(hint, lambda: 0.5) == pytest.approx(hint * 1.125)
