"""The faults as switches: what each does to the page, for itself and for the whole server."""

import httpx
import pytest

from inworld_embeddings_emulator.engines import named

WRONG = [  # switch, what the page says, how often the browser itself complains
    ("rate-limit;retry-after=2", "429: injected by the emulator: status=429 (code 8). Retry after 2 s.", 1),
    ("status=503", "503: injected by the emulator: status=503 (code 14).", 1),
    ("html=502", "502, not in the API's form but as text/html: “502 Bad Gateway 502 Bad Gateway”.", 1),
    ("drop", "The connection ended without an answer. Is the server still running?", 1),
    ("truncate=50%", "The connection ended in the middle of the answer.", 1),
    ("short", "2 texts were sent, 1 vectors came back. No vector of this answer is used.", 0),
    ("nan", "The answer is not JSON", 0),
    ("dimension=8", "Vector 1 has 8 dimensions, the engine's have 16.", 0),
]


@pytest.fixture
def page(serve_page):
    return serve_page(engine=named("hash:16")).open()


def switch(page, fault):
    page.click(f"#switches label:has(input[value='{fault}'])")


@pytest.mark.parametrize(("fault", "said", "complaints"), WRONG, ids=[fault for fault, *_ in WRONG])
def test_a_fault_is_shown_in_words_and_gone_with_its_switch(page, fault, said, complaints):
    page.embed(["a", "b"])
    switch(page, fault)
    page.click("#embed")
    assert page.error().startswith(said)
    assert not page.run("return document.querySelector('#heat table, #map svg')")
    assert page.text("faults-state") == f"This page's requests ask for: {fault}"
    page.expected_errors = complaints
    switch(page, fault)
    page.embed()
    assert page.run("return document.getElementById('error').hidden")


def test_there_is_a_test_for_every_switch(page):
    shown = page.run("return [...document.querySelectorAll('#switches input')].map((input) => input.value)")
    assert set(shown) == {fault for fault, *_ in WRONG} | {"latency=800ms", "swap"}


def test_a_slow_answer_is_late(page):
    switch(page, "latency=800ms")
    page.embed(["a", "b"])
    time = page.run(
        "return [...document.querySelectorAll('#facts dt')].find((dt) => dt.textContent === 'Time').nextSibling.textContent"
    )
    assert int(time.removesuffix(" ms")) >= 800


def test_only_the_last_click_counts(page):
    switch(page, "latency=800ms")
    page.write("texts", "slow\nslower")
    page.click("#embed")
    switch(page, "latency=800ms")
    page.write("texts", "a\nb\nc")
    page.click("#embed")
    page.until("document.querySelectorAll('#heat td[data-value]').length === 9")
    page.run("return new Promise((done) => setTimeout(done, 900))")
    assert page.run("return document.querySelectorAll('#heat td[data-value]').length") == 9


def test_nobody_can_tell_that_vectors_were_swapped(page):
    switch(page, "swap")
    page.embed(["a", "b"])
    assert "swap" in page.run("return document.getElementById('facts').textContent")


def test_faults_in_words_join_the_switches(page):
    page.find("#words").send_keys("status=418;message=tea\n")
    switch(page, "latency=800ms")
    page.click("#embed")
    assert page.error() == "418: tea (code 2)."
    assert "'x-inworld-emulator-fault: latency=800ms + status=418;message=tea'" in page.text("curl")
    page.expected_errors = 1


@pytest.mark.parametrize(
    ("words", "said"),
    [("nonsense", "400: x-inworld-emulator-fault: "), ("status=503;message=☃", "This cannot be sent")],
)
def test_words_that_mean_nothing_are_an_error_in_words(page, words, said):
    page.find("#words").send_keys(words)
    page.click("#embed")
    assert page.error().startswith(said)
    page.expected_errors = 1 if words == "nonsense" else 0


def test_without_chaos_nothing_is_offered_for_the_whole_server(page):
    assert page.run("return document.getElementById('scope').hidden")


def test_with_chaos_the_whole_servers_faults_are_set_counted_and_ended(serve_page):
    page = serve_page(engine=named("hash:16"), chaos=True).open()

    def others():
        return httpx.post(
            f"{page.url}/ml/v1alpha/embedding:embed", json={}, auth=("local", "local")
        ).status_code

    def state(text):
        page.until("document.getElementById('faults-state').textContent.includes(arguments[0])", text)

    switch(page, "status=503")
    assert others() == 200
    page.click("#scope label:has([value=server])")
    state("Whole server: status=503. 0 requests")
    assert others() == 503
    assert "x-inworld-emulator-fault" not in page.text("curl")
    page.click("#embed")
    page.error()
    page.expected_errors = 1
    state("2 requests since, with status=503 \u00d7 2")
    page.write("words", "")
    switch(page, "status=503")
    state("Whole server: ok.")
    assert others() == 200


def test_leaving_the_whole_server_ends_what_was_set_there(serve_page):
    page = serve_page(engine=named("hash:16"), chaos=True).open()
    page.click("#scope label:has([value=server])")
    switch(page, "drop")
    page.until("document.getElementById('faults-state').textContent.includes('Whole server: drop')")
    page.click("#scope label:has([value=page])")
    page.until("document.getElementById('faults-state').textContent.includes('This page')")
    assert str(page.server.faults.script) == "ok"


def test_looking_at_the_whole_server_changes_nothing(serve_page):
    page = serve_page(engine=named("hash:16"), chaos=True).open()
    page.server.faults.set("ok, status=503")
    for scope in ("server", "page"):
        page.click(f"#scope label:has([value={scope}])")
    page.until("!document.getElementById('faults-state').textContent.includes('Whole')")
    assert str(page.server.faults.script) == "ok, status=503"


def test_a_refused_script_is_said(serve_page):
    page = serve_page(engine=named("hash:16"), chaos=True).open()
    page.click("#scope label:has([value=server])")
    page.find("#words").send_keys("nonsense\n")
    page.until("document.getElementById('faults-state').textContent.includes('are as they were. 400')")
    page.expected_errors = 1
