import pytest

from inworld_embeddings._core.latency import Latency


def after(*values: float) -> Latency:
    latency = Latency()
    for value in values:
        latency.success(value)
    return latency


def test_percentiles_are_of_the_last_64():
    latency = after(*[9.0] * 100, *[i / 64 for i in range(1, 65)])
    assert latency.p50 == 0.5
    assert latency.p95 == pytest.approx(61 / 64)


@pytest.mark.parametrize(
    ("samples", "timeout"),
    [([], 20.0), ([0.1] * 15, 20.0), ([0.1] * 16, 5.0), ([1.0] * 16, 12.0), ([30.0] * 16, 60.0)],
)
def test_the_attempt_timeout_follows_the_service_within_bounds(samples, timeout):
    assert after(*samples).attempt_timeout() == timeout


def test_a_round_of_timeouts_doubles_the_timeout_once_and_an_answer_ends_that():
    latency = after(*[1.0] * 16)
    for _ in range(64):
        latency.timed_out(12.0, 0.0)
    assert latency.attempt_timeout() == 24.0
    latency.timed_out(36.0, 12.5)
    assert latency.attempt_timeout() == 48.0
    latency.success(1.0)
    assert latency.attempt_timeout() == 12.0


def test_the_timeout_never_grows_without_bound():
    latency = Latency()
    for i in range(2000):
        latency.timed_out(i + 1.0, i + 0.5)
    assert latency.attempt_timeout() == 60.0


def test_G09_no_request_that_cannot_finish():
    assert Latency().fits(0.001)
    assert not Latency().fits(0.0)
    latency = after(0.2, 0.3, 0.4)
    assert latency.fits(0.3)
    assert not latency.fits(0.29)
