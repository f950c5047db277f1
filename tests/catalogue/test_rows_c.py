"""Rows C01 to C04: what is refused for good, whether one text or everything."""

import math

import pytest

from inworld_embeddings import errors
from support.clients import BOTH
from support.fault_server import FaultServer
from support.faults import BAD_REQUEST, html_error, poison, status, when
from support.vectors import text_id

TEXTS = [f"planted-text {number}" for number in range(500)]


def poisoned(count, **options):
    """500 texts, some of them poison, and the server that refuses these."""
    last = len(TEXTS) - 1
    guilty = sorted({round(last * step / max(count - 1, 1)) for step in range(count)})
    return guilty, poison([TEXTS[index] for index in guilty], **options)


def check_only_these_failed(server, result, guilty, error):
    good = [index for index in range(len(result)) if index not in guilty]
    server.oracle.check([TEXTS[index] for index in good], result.vectors[good])
    assert [failure.index for failure in result.failures] == guilty
    for failure in result.failures:
        assert type(failure.error) is error
        assert not failure.retryable
        assert math.isnan(result.vectors[failure.index][0])


@BOTH
def test_C01_a_refused_text_says_so_after_one_request(embed):
    with FaultServer(status(400, message="bad\x1b[31m\nX-Log: forged " + "é" * 9000)) as server:
        with pytest.raises(errors.BadRequestError) as caught:
            embed(server.url, "planted-text")
        server.oracle.assert_requests(1)
    error = caught.value
    assert (error.status_code, error.code, error.attempts, error.retryable) == (400, 3, 1, False)
    assert str(error).startswith(r"HTTP 400: bad\x1b[31m\nX-Log: forged éé")
    assert len(str(error)) <= 520


@BOTH
@pytest.mark.parametrize("batch_size", [500, 128, 7])
@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
@pytest.mark.parametrize("place", [0, 250, 499])
def test_C01_one_poison_text_in_500_costs_that_text_only(embed, batch_size, named, place):
    with FaultServer(poison([TEXTS[place]], field_violations=named)) as server:
        result = embed(server.url, TEXTS, call={"on_error": "return"}, batch_size=batch_size)
        check_only_these_failed(server, result, [place], errors.BadRequestError)
        batches = math.ceil(len(TEXTS) / batch_size)
        assert len(server.requests) - batches <= 2 * math.log2(len(TEXTS)) + 6
        assert server.oracle.times_answered().most_common(1)[0][1] == 1


@BOTH
@pytest.mark.parametrize("named", [False, True], ids=["unnamed", "named"])
@pytest.mark.parametrize("count", [3, 9])
def test_C01_several_poison_texts_cost_themselves_only(embed, named, count):
    guilty, script = poisoned(count, field_violations=named)
    with FaultServer(script) as server:
        result = embed(server.url, TEXTS, call={"on_error": "return"})
        check_only_these_failed(server, result, guilty, errors.BadRequestError)
        assert len(server.requests) - 4 <= count * (2 * math.log2(128) + 2)


def _names(*places):
    field_violations = [{"field": f"inputs[{place}].text", "description": "?"} for place in places]
    return status(400, details=[{"@type": BAD_REQUEST, "fieldViolations": field_violations}])


@BOTH
@pytest.mark.parametrize(
    "places", [[0], [1, 2, 3], range(127), [500], [10**8]], ids=["0", "1-3", "0-126", "500", "10**8"]
)
def test_C01_a_server_that_names_the_wrong_texts_condemns_none(embed, places):
    guilty = text_id(TEXTS[77])
    script = when(lambda request: guilty in map(text_id, request.texts), _names(*places))
    with FaultServer(script) as server:
        result = embed(server.url, TEXTS, call={"on_error": "return"})
        check_only_these_failed(server, result, [77], errors.BadRequestError)
        assert len(server.requests) - 4 <= 2 * math.log2(128) + 6


@BOTH
@pytest.mark.parametrize("batch_size", [500, 128, 20, 4, 1])
@pytest.mark.parametrize("refusal", [status(400, message="unknown model"), html_error(400)], ids=str)
def test_C01_a_400_for_everything_ends_the_call_after_a_handful_of_requests(embed, batch_size, refusal):
    with FaultServer(refusal, latency=0.005) as server:
        with pytest.raises(errors.BadRequestError):
            embed(server.url, TEXTS, batch_size=batch_size)
        assert len(server.requests) <= 16


@BOTH
def test_C01_a_first_batch_of_nothing_but_poison_does_not_end_the_call(embed):
    with FaultServer(poison(TEXTS[:4])) as server:
        result = embed(server.url, TEXTS, call={"on_error": "return"}, batch_size=4, max_concurrency=1)
        check_only_these_failed(server, result, [0, 1, 2, 3], errors.BadRequestError)


@BOTH
def test_C01_a_400_about_the_state_of_something_is_not_about_a_text(embed):
    with FaultServer(status(400, code=9)) as server:
        with pytest.raises(errors.BadRequestError):
            embed(server.url, TEXTS[:100])
        server.oracle.assert_requests(1)


FINAL = {
    401: ("C02", errors.AuthenticationError),
    403: ("C03", errors.PermissionDeniedError),
    404: ("C04", errors.NotFoundError),
    405: ("C04", errors.NotFoundError),
    501: ("C04", errors.NotFoundError),
}


def check_ends_the_call(embed, http):
    with FaultServer(status(http), latency=0.02) as server:
        with pytest.raises(FINAL[http][1]) as caught:
            embed(server.url, TEXTS, batch_size=5)
        assert len(server.requests) <= 4, "only what was in flight with it"
    assert caught.value.status_code == http
    assert caught.value.attempts == 1
    assert not caught.value.retryable


@BOTH
def test_C02_401_ends_the_call_and_says_where_the_key_comes_from(embed):
    check_ends_the_call(embed, 401)
    said = r"authentication is required .*INWORLD_API_KEY"
    with (
        FaultServer(status(401, message="authentication is required")) as server,
        pytest.raises(errors.AuthenticationError, match=said),
    ):
        embed(server.url, "planted-text")


@BOTH
def test_C03_403_ends_the_call_and_mentions_the_clock(embed):
    check_ends_the_call(embed, 403)
    with FaultServer(status(403)) as server, pytest.raises(errors.PermissionDeniedError, match="clock"):
        embed(server.url, "planted-text")


@BOTH
@pytest.mark.parametrize("http", [404, 405, 501])
def test_C04_a_wrong_address_ends_the_call_and_names_base_url(embed, http):
    check_ends_the_call(embed, http)
    with FaultServer(status(http)) as server, pytest.raises(errors.NotFoundError, match="base_url"):
        embed(server.url, "planted-text")


@BOTH
def test_C02_what_was_answered_before_a_key_was_revoked_is_kept(embed):
    good = when(lambda request: request.number >= 3, status(401))
    with FaultServer(good) as server:
        result = embed(server.url, TEXTS, call={"on_error": "return"}, batch_size=100, max_concurrency=1)
        server.oracle.assert_requests(4)
        server.oracle.check(TEXTS[:300], result.vectors[:300])
    assert [failure.index for failure in result.failures] == list(range(300, 500))
    assert {type(failure.error) for failure in result.failures} == {errors.AuthenticationError}
