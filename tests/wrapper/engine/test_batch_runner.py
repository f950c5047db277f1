"""A batch is tried again, split or bisected until each of its texts has a vector or an error. Rows C01 to C07, C10, C11, C16, I02, I09."""

import math

import pytest

from inworld_embeddings import errors
from inworld_embeddings._batching import PATIENCE
from support.fault import OK, status
from support.faults import black_hole
from support.in_process import AsyncFace, Service, embed

TEXTS = [f"planted-text {number}" for number in range(500)]
FALLING = [text * (600 - number) for number, text in enumerate(TEXTS)]
RETURN = {"on_error": "return"}


def refused(script, texts="planted-text", *, latency=0.0, **settings):
    """The service that was asked, and the error of a call that fails."""
    service = Service(script, latency=latency)
    with AsyncFace(service, **settings) as face, pytest.raises(errors.APIError) as caught:
        face.embed(texts)
    return service, caught.value


def check_only_these_failed(service, result, guilty, error):
    good = [index for index in range(len(result)) if index not in guilty]
    service.oracle.check([TEXTS[index] for index in good], result.vectors[good])
    assert [failure.index for failure in result.failures] == guilty
    for failure in result.failures:
        assert (type(failure.error), failure.retryable) == (error, False)
        assert math.isnan(result.vectors[failure.index][0])


# Bisected: what is refused for a text


def poison(guilty):
    """400 for any batch that holds one of these texts; the emulator names their places."""
    return f'poison="^planted-text ({"|".join(map(str, guilty))})$"'


@pytest.mark.parametrize("batch_size", [500, 7])
@pytest.mark.parametrize("named", [";silent", ""], ids=["unnamed", "named"])
@pytest.mark.parametrize("guilty", [[0], [250], [499], [0, 62, 125, 187, 250, 312, 374, 437, 499]], ids=str)
def test_C01_poison_among_500_texts_costs_itself_only(batch_size, named, guilty):
    service, result = embed(poison(guilty) + named, TEXTS, call=RETURN, batch_size=batch_size)
    check_only_these_failed(service, result, guilty, errors.BadRequestError)
    batches = math.ceil(len(TEXTS) / batch_size)
    assert len(service.requests) - batches <= len(guilty) * (2 * math.log2(500) + 6)
    assert max(service.oracle.times_answered().values()) == 1


@pytest.mark.parametrize("places", [[0], range(127), [10**8]], ids=str)
def test_C01_a_server_that_names_the_wrong_texts_condemns_none(places):
    named = [{"field": f"inputs[{place}].text", "description": "is refused"} for place in places]
    detail = {"@type": "type.googleapis.com/google.rpc.BadRequest", "fieldViolations": named}
    wrong = status(400, details=[detail])
    service, result = embed(lambda request: wrong if TEXTS[77] in request.texts else OK, TEXTS, call=RETURN)
    check_only_these_failed(service, result, [77], errors.BadRequestError)
    assert len(service.requests) - 4 <= 2 * math.log2(128) + 6


@pytest.mark.parametrize("batch_size", [500, 20, 1])
@pytest.mark.parametrize(
    ("refusal", "most"), [("status=400", 16), ("html=400", 16), ("status=413", 50), ("status=401", 4)]
)
@pytest.mark.parametrize("texts", [TEXTS, FALLING], ids=["alike", "falling lengths"])
def test_C01_I09_what_is_refused_whatever_it_is_ends_the_call_soon(texts, refusal, most, batch_size):
    service, error = refused(refusal, texts, latency=0.005, batch_size=batch_size)
    assert error.status_code == int(refusal[-3:])
    assert len(service.requests) <= most


# What a status comes to


STATUSES = [
    ([401], errors.AuthenticationError, 1, "INWORLD_API_KEY"),
    ([403], errors.PermissionDeniedError, 1, "clock"),
    ([404, 405, 501], errors.NotFoundError, 1, "base_url"),
    ([402, 418, 422, 451], errors.BadRequestError, 1, ""),
    ([408, 409, 425, 499], errors.ConflictError, 3, ""),
    ([429], errors.RateLimitError, 3, "rate_limit="),
    ([500, 502, 503, 504, 520, 530, 599], errors.InternalServerError, 3, "3 attempts by max_retries=2"),
]


@pytest.mark.parametrize(("statuses", "kind", "attempts", "says"), STATUSES)
def test_C02_C03_C04_C05_C07_C11_a_status_is_final_or_tried_three_times(statuses, kind, attempts, says):
    for http in statuses:
        service, error = refused(f"status={http}", TEXTS, latency=0.02, batch_size=500)
        service.oracle.assert_requests(attempts)
        assert (type(error), error.status_code, error.attempts) == (kind, http, attempts)
        assert error.retryable is (attempts > 1)
        assert says in str(error)


def test_C02_what_was_answered_before_a_key_was_revoked_is_kept():
    service, result = embed("ok x3, status=401", TEXTS, call=RETURN, batch_size=100, max_concurrency=1)
    service.oracle.assert_requests(4)
    service.oracle.check(TEXTS[:300], result.vectors[:300])
    assert [failure.index for failure in result.failures] == list(range(300, 500))
    assert {type(failure.error) for failure in result.failures} == {errors.AuthenticationError}


# Tried again


def test_C11_what_an_outage_cost_a_batch_is_none_of_its_retries():
    """Nothing succeeds at first; once the other batch has, this one still has both."""
    failing = {TEXTS[0]: 4, TEXTS[1]: 3}

    def script(request):
        (text,) = request.texts
        failing[text] -= 1
        return "status=503" if failing[text] >= 0 else OK

    service, result = embed(script, TEXTS[:2], batch_size=1)
    service.oracle.check(TEXTS[:2], result.vectors)


@pytest.mark.parametrize("hint", ["61", "1" + "0" * 20])
@pytest.mark.parametrize("http", [429, 503])
def test_C16_over_a_minute_is_raised_at_once_with_the_hint(hint, http):
    """Also with more batches waiting at the gate that the hint has closed."""
    script = status(http, headers=[("Retry-After", hint)])
    service, error = refused(script, TEXTS[:20], latency=0.01, batch_size=1)
    assert len(service.requests) <= 4
    assert (error.retry_after, error.retryable) == (float(hint), True)
    assert service.requests[-1].finished < 1


# Split: what is too large


MANY = TEXTS[:256]


def too_many_texts(limit):
    return lambda request: "status=413" if len(request.texts) > limit else OK


def too_many_bytes(limit):
    return lambda request: "status=413" if len(request.body) > limit else OK


def larger_than(texts):
    """The 429 that will never succeed: a hop's message limit, which so many texts fit into exactly."""

    def script(request):
        count = len(request.texts)
        said = f"grpc: received message larger than max ({3072 * count} vs. {3072 * texts})"
        return status(429, message=said) if count > texts else OK

    return script


def refusals(service, since=0):
    return sum(not record.answered for record in service.requests[since:])


@pytest.mark.parametrize("limit", [100, 40, 5, 1])
def test_C06_a_413_is_split_until_it_fits_and_later_batches_are_cut_before_they_are_sent(limit):
    service = Service(too_many_texts(limit))
    with AsyncFace(service) as face:
        result = face.embed(MANY)
        service.oracle.check(MANY, result.vectors)
        assert max(service.oracle.times_answered().values()) == 1
        first, halvings = len(service.requests), math.ceil(math.log2(128 / limit))
        assert refusals(service) <= 2 * (halvings + 1) + first // PATIENCE, "two batches, each halved"
        assert (result.stats.retries, result.stats.seconds) == (0, 0.0), "waiting is a mistake"
        face.embed(MANY)
    assert refusals(service, since=first) <= (len(service.requests) - first) // PATIENCE, "the trials"


@pytest.mark.parametrize("place", [0, 100, 255])
def test_C06_one_large_text_costs_the_others_neither_their_vectors_nor_their_batches(place):
    texts = [*MANY]
    texts[place] *= 1000
    service = Service(too_many_bytes(10_000))
    with AsyncFace(service) as face:
        result = face.embed(texts, on_error="return")
        check_only_these_failed(service, result, [place], errors.RequestTooLargeError)
        assert len(service.requests) <= 3 + 2 * math.log2(128)
        since = len(service.requests)
        face.embed(MANY)
    sizes = [len(record.texts) for record in service.requests[since:]]
    assert sizes == [128, 128], "the number of texts was never too large"


@pytest.mark.parametrize("limit", [100, 3])
def test_C10_a_429_for_its_size_is_split_by_the_sizes_it_names(limit):
    """In whichever words: tests/wrapper/test_error_mapping.py."""
    service, result = embed(larger_than(limit), MANY)
    service.oracle.check(MANY, result.vectors)
    assert refusals(service) <= 2, "one for each batch in flight"
    most = math.floor(128 * limit / 128 * 0.9)
    assert max(len(record.texts) for record in service.requests if record.answered) == most
    assert (result.stats.retries, result.stats.seconds) == (0, 0.0)


@pytest.mark.parametrize(
    ("script", "kind", "said"),
    [
        pytest.param(status(400), errors.BadRequestError, (400, 3), id="C01"),
        pytest.param(too_many_texts(0), errors.RequestTooLargeError, (413, 2), id="C06"),
        pytest.param(larger_than(0), errors.RequestTooLargeError, (429, 8), id="C10"),
    ],
)
def test_C01_C06_C10_a_single_text_that_is_refused_fails_at_once(script, kind, said):
    service, error = refused(script)
    service.oracle.assert_requests(1)
    assert (type(error), error.status_code, error.code) == (kind, *said)
    assert (error.attempts, error.retryable) == (1, False)


OUT_OF_TIME = [
    ("status=429", errors.RateLimitError, 429, None),
    ("status=503", errors.InternalServerError, 503, None),
    (["status=503", "status=500"], errors.InternalServerError, 500, None),
    ("drop;reset", errors.APIConnectionError, None, None),
    (black_hole, errors.APITimeoutError, None, None),
    (["status=503", "status=429"], errors.APITimeoutError, None, errors.RateLimitError),
]


@pytest.mark.parametrize(("script", "kind", "http", "cause"), OUT_OF_TIME, ids=str)
def test_I02_a_call_out_of_time_raises_the_one_kind_of_error_it_saw_or_a_timeout_caused_by_the_last(
    script, kind, http, cause
):
    service, error = refused(script, MANY, latency=0.05, timeout=20.0)
    assert (type(error), getattr(error, "status_code", None), error.retryable) == (kind, http, True)
    assert f"timeout=20 ended this after {error.attempts} attempt" in str(error)
    assert isinstance(error.__cause__, cause or type(None))
    assert str(error.__cause__ or "") in str(error)
    assert len(service.requests) < 60


def test_I02_a_call_that_an_outage_held_back_tells_what_the_client_saw():
    with AsyncFace(Service("status=503", latency=0.05), timeout=5.0) as face:
        with pytest.raises(errors.InternalServerError):
            face.embed(MANY)
        with pytest.raises(errors.InternalServerError, match=r"timeout=0\.001 .* 0 attempts") as caught:
            face.embed("x", timeout=0.001)
        assert (caught.value.attempts, caught.value.status_code) == (0, 503)


@pytest.mark.parametrize("large", [8, 20, 200])
def test_I09_the_longest_first_do_not_end_a_call(large):
    texts = ["x" * (9000 - number) for number in range(large)] + ["y"] * 300
    _, result = embed(too_many_bytes(5000), texts, call={"on_error": "return"})
    assert [failure.index for failure in result.failures] == list(range(large))
