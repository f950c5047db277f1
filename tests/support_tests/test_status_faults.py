"""Statuses, hints, limits and redirects, as httpx sees them."""

import gzip
import json
from http.client import HTTPConnection

import httpx
import pytest

from support import faults_hints, faults_limits, faults_redirect, faults_status
from support.fault_server import OK, FaultServer
from support.load import TokenBucket
from support.reader import EMBED_PATH


def ask(fault, *texts):
    with FaultServer(fault) as server:
        return httpx.post(
            server.url + EMBED_PATH, json={"inputs": [{"text": text} for text in texts or ("a",)]}
        )


@pytest.mark.parametrize("http", [*faults_status.TRANSIENT_STATUSES, *faults_status.FINAL_STATUSES])
def test_a_status_has_a_gateway_body(http):
    answer = ask(faults_status.status(http))
    assert answer.status_code == http
    assert answer.json().keys() == {"code", "message", "details"}


@pytest.mark.parametrize(("code", "http"), faults_status.GRPC_TO_HTTP.items())
def test_grpc_codes_come_under_the_gateways_status(code, http):
    answer = ask(faults_status.grpc_status(code))
    assert (answer.status_code, answer.json()["code"]) == (http, code)


@pytest.mark.parametrize("http", [400, 503])
def test_every_kind_of_error_body_can_be_played(http):
    names = [fault.name for fault in faults_status.error_bodies(http)]
    assert len(names) == len(set(names))
    for fault in faults_status.error_bodies(http):
        if fault.name != f"broken_gzip_{http}":
            assert ask(fault).status_code == http


def test_the_compressed_error_is_compressed_and_the_broken_one_is_not():
    with FaultServer([faults_status.gzip_error(503), faults_status.broken_gzip_error(503)]) as server:
        with httpx.stream("POST", server.url + EMBED_PATH, json={}) as answer:
            assert json.loads(gzip.decompress(b"".join(answer.iter_raw())))["code"] == 14
        with pytest.raises(httpx.DecodingError):
            httpx.post(server.url + EMBED_PATH, json={})


def test_the_huge_error_is_a_megabyte_and_the_endless_one_more():
    assert len(ask(faults_status.huge_error(500)).content) > 2**20
    with (
        FaultServer(faults_status.endless_error(500)) as server,
        httpx.stream("POST", server.url + EMBED_PATH, json={}) as answer,
    ):
        parts = answer.iter_raw(65536)
        assert sum(len(next(parts)) for _ in range(32)) == 2**21


@pytest.mark.parametrize(
    ("fault", "http", "body"),
    [(faults_status.no_content, 204, b""), (faults_status.empty_200, 200, b"")],
    ids=str,
)
def test_empty_successes(fault, http, body):
    answer = ask(fault)
    assert (answer.status_code, answer.content) == (http, body)


def test_partial_content_is_not_counted_as_an_answer():
    with FaultServer(faults_status.partial_content) as server:
        answer = httpx.post(server.url + EMBED_PATH, json={"inputs": [{"text": "a"}]})
        assert (answer.status_code, len(answer.json()["embeddings"])) == (206, 1)
        server.oracle.wait_until_idle()
        assert server.requests[0].answered == ()


def test_retry_after_is_sent_as_given_once_per_value():
    answer = ask(faults_hints.retry_after("7", "soon", http=503))
    assert (answer.status_code, answer.headers.get_list("retry-after")) == (503, ["7", "soon"])


@pytest.mark.parametrize("value", faults_hints.ODD_RETRY_AFTER)
def test_odd_values_reach_the_client(value):
    raw = dict(ask(faults_hints.retry_after(value)).headers.raw)
    assert raw[b"Retry-After"].decode() == value.strip()


def test_retry_info_and_dates():
    answer = ask(faults_hints.retry_info("1.5s", header="2"))
    assert answer.json()["details"] == [{"@type": faults_hints.RETRY_INFO, "retryDelay": "1.5s"}]
    assert answer.headers["retry-after"] == "2"
    late, now = "Fri, 02 Jan 2026 00:00:09 GMT", "Fri, 02 Jan 2026 00:00:00 GMT"
    answer = ask(faults_hints.retry_after_date(late, now))
    assert (answer.headers["retry-after"], answer.headers["date"]) == (late, now)


@pytest.mark.parametrize(
    ("fault", "http"),
    [
        (faults_limits.too_many_texts(2), 413),
        (faults_limits.too_many_bytes(45), 413),
        (faults_limits.message_larger_than_max(6144, size=lambda request: 3072 * len(request.texts)), 429),
    ],
    ids=["texts", "bytes", "message"],
)
def test_batches_over_the_limit_are_refused_and_others_are_not(fault, http):
    assert ask(fault, "a", "b").status_code == 200
    assert ask(fault, "a", "b", "c").status_code == http


def test_the_message_names_both_sizes():
    fault = faults_limits.message_larger_than_max(10, size=lambda request: 12)
    assert ask(fault).json()["message"] == "grpc: received message larger than max (12 vs. 10)"
    fault = faults_limits.message_larger_than_max(
        10, size=lambda request: 12, wording=faults_limits.DECOMPRESSED_LARGER
    )
    assert "after decompression larger than max (12 vs. 10)" in ask(fault).json()["message"]


def test_poison_names_its_place_only_when_asked():
    assert ask(faults_limits.poison(["bad"]), "a", "good").status_code == 200
    assert ask(faults_limits.poison(["bad"]), "a", "bad").json()["details"] == []
    answer = ask(faults_limits.poison(["bad"], field_violations=True), "a", "bad")
    assert answer.status_code == 400
    assert answer.json()["details"][0]["fieldViolations"][0]["field"] == "inputs[1].text"
    assert "bad" not in answer.text


def test_another_fault_can_stick_to_a_text():
    fault = faults_limits.wrong_for(["bad"], faults_status.empty_200)
    assert ask(fault, "a").content
    assert not ask(fault, "a", "bad").content


def test_the_bucket_refuses_what_comes_too_fast_and_says_when():
    now = [0.0]
    bucket = TokenBucket(rate=0.5, burst=2, clock=lambda: now[0])
    fault = faults_limits.rate_limited(bucket, hint=True)
    answers = [ask(fault) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["retry-after"] == "2"
    now[0] = 2.0
    assert ask(fault).status_code == 200
    assert (bucket.taken, bucket.refused) == (3, 1)


def test_an_error_can_quote_anything():
    assert ask(faults_limits.key_echo("key \x1b[31m\n")).json()["message"] == "key \x1b[31m\n"


@pytest.mark.parametrize("http", faults_redirect.REDIRECT_STATUSES)
@pytest.mark.parametrize("location", faults_redirect.ODD_LOCATIONS)
def test_redirects(http, location):
    with FaultServer(faults_redirect.redirect(http, location)) as server:
        connection = HTTPConnection("127.0.0.1", server.port, timeout=5)  # httpx trips over odd locations
        connection.request("POST", EMBED_PATH, b"{}")
        answer = connection.getresponse()
        assert (answer.status, answer.headers["location"], answer.read()) == (http, location, b"")
        connection.close()


def test_a_redirect_to_itself_loops_for_whoever_follows():
    with FaultServer(faults_redirect.redirect_to_itself(307)) as server:
        with pytest.raises(httpx.TooManyRedirects):
            httpx.post(server.url + EMBED_PATH, json={}, follow_redirects=True)
        assert len(server.requests) == 21
    assert "location" not in ask(faults_redirect.redirect_without_location()).headers


def test_the_last_fault_played_is_the_one_on_record():
    with FaultServer([faults_limits.too_many_texts(0), OK]) as server:
        for _ in range(2):
            httpx.post(server.url + EMBED_PATH, json={"inputs": [{"text": "a"}]})
        server.oracle.wait_until_idle()
        assert server.oracle.faults_played() == {"status_413": 1, "ok": 1}
