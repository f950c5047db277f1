"""Section A, redirects: none is followed, and the body and the key go nowhere else."""

import pytest

from inworld_embeddings import RedirectError
from support.clients import BOTH, async_embed, sync_embed, unpooled_client
from support.fault_server import OK, FaultServer
from support.faults import (
    ODD_LOCATIONS,
    REDIRECT_STATUSES,
    redirect,
    redirect_to_itself,
    redirect_without_location,
)


@BOTH
@pytest.mark.parametrize("status", REDIRECT_STATUSES)
def test_A16_a_redirect_to_another_origin_is_not_followed(embed, status):
    with FaultServer() as second, FaultServer(redirect(status, f"{second.url}/a?token=t")) as server:
        with pytest.raises(RedirectError, match=r"redirect to 127\.0\.0\.1\. ") as caught:
            embed(server.url, ["a", "b", "c"], batch_size=1, max_concurrency=1)
        assert (caught.value.attempts, caught.value.retryable) == (1, False)
        assert "token" not in str(caught.value)
        server.oracle.assert_requests(1)
        assert (second.requests, second.connections) == ([], [])


@BOTH
@pytest.mark.parametrize("status", REDIRECT_STATUSES)
def test_A16_a_redirect_to_the_same_origin_is_not_followed(embed, status):
    for fault in (
        redirect(status, "/elsewhere"),
        redirect_to_itself(status),
        redirect_without_location(status),
    ):
        with FaultServer([fault, OK]) as server:
            with pytest.raises(RedirectError):
                embed(server.url, "text")
            server.oracle.assert_requests(1)


@BOTH
def test_A16_a_client_of_the_users_that_follows_redirects_does_not_here(embed):
    with FaultServer() as second, FaultServer(redirect(307, second.url)) as server:
        with pytest.raises(RedirectError):
            embed(server.url, "text", http_client=unpooled_client(follow_redirects=True))
        server.oracle.assert_requests(1)
        assert second.connections == []


@pytest.mark.parametrize("location", ODD_LOCATIONS)
def test_A16_an_odd_location_is_a_redirect_like_any_other(location):
    for embed in (sync_embed, async_embed):
        with FaultServer(redirect(307, location)) as server:
            with pytest.raises(RedirectError) as caught:
                embed(server.url, "text")
            server.oracle.assert_requests(1)
        assert "hostname" not in str(caught.value)
