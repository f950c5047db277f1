"""The faults as switches: what each does to the page, for itself and for the whole server."""

import httpx

WRONG = {  # switch: what the page says, how often the browser itself complains
    "rate-limit;retry-after=2": ("429: injected by the emulator: status=429 (code 8). Retry after 2 s.", 1),
    "status=503": ("503: injected by the emulator: status=503 (code 14).", 1),
    "html=502": ("502, not in the API's form but as text/html: “502 Bad Gateway 502 Bad Gateway”.", 1),
    "drop": ("The connection ended without an answer. Is the server still running?", 1),
    "truncate=50%": ("The connection ended in the middle of the answer.", 1),
    "short": ("2 texts were sent, 1 vectors came back. No vector of this answer is used.", 0),
    "nan": ("The answer is not JSON", 0),
    "dimension=8": ("Vector 1 has 8 dimensions, the engine's have 16.", 0),
}
STATE = "document.getElementById('faults-state').textContent.includes(arguments[0])"


def switch(page, fault):
    page.click(f"#switches label:has(input[value='{fault}'])")


def scope(page, name):
    page.click(f"#scope label:has([value={name}])")


def test_each_fault_is_shown_in_words_and_gone_with_its_switch(page):
    assert set(page.shown("#switches input", "value")) == {*WRONG, "latency=800ms", "swap"}
    page.embed(["a", "b"])
    for fault, (said, complaints) in WRONG.items():
        switch(page, fault)
        page.click("#embed")
        assert page.error().startswith(said)
        assert not page.find_all("#heat table, #map svg")
        assert page.text("faults-state") == f"This page's requests ask for: {fault}"
        page.expected_errors += complaints
        switch(page, fault)
        page.embed()
        assert page.run("return document.getElementById('error').hidden")
    switch(page, "swap")  # nobody can tell
    page.embed()
    assert "swap" in page.text("facts")


def test_a_slow_reply_is_late_and_only_the_last_click_counts(page):
    switch(page, "latency=800ms")
    page.embed(["a", "b"])
    facts = dict(zip(page.shown("#facts dt"), page.shown("#facts dd"), strict=True))
    assert int(facts["Time"].removesuffix(" ms")) >= 800
    page.write("texts", "slow\nslower")
    page.click("#embed")
    switch(page, "latency=800ms")
    page.write("texts", "a\nb\nc")
    page.click("#embed")
    page.until("document.querySelectorAll('#heat td[data-value]').length === 9")
    page.run("return new Promise((done) => setTimeout(done, 900))")
    assert len(page.find_all("#heat td[data-value]")) == 9


def test_faults_in_words_join_the_switches_and_nonsense_is_an_error_in_words(page):
    page.find("#words").send_keys("status=418;message=tea\n")
    switch(page, "latency=800ms")
    page.click("#embed")
    assert page.error() == "418: tea (code 2)."
    assert "'x-inworld-emulator-fault: latency=800ms + status=418;message=tea'" in page.text("curl")
    switch(page, "latency=800ms")
    for words, said in (
        ("nonsense", "400: x-inworld-emulator-fault: "),
        ("status=503;message=☃", "This cannot be"),
    ):
        page.write("words", words)
        page.click("#embed")
        page.until("document.getElementById('error').textContent.startsWith(arguments[0])", said)
    page.expected_errors = 2
    scope(page, "server")
    page.write("words", "nonsense\n")
    page.until(STATE, "are as they were. 400")
    page.expected_errors = 3


def test_the_whole_servers_faults_are_set_counted_and_ended_with_chaos_only(page, serve_page):
    def others():
        reply = httpx.post(f"{page.url}/ml/v1alpha/embedding:embed", json={}, auth=("local", "local"))
        return reply.status_code

    page.server.faults.set("ok, html")
    scope(page, "server")
    page.until(STATE, "Whole server: ok, html.")  # looking changes nothing
    scope(page, "page")
    assert page.server.faults.script == "ok, html"
    page.server.faults.clear()
    switch(page, "status=503")
    assert others() == 200
    scope(page, "server")
    page.until(STATE, "Whole server: status=503. 0 requests")
    assert others() == 503
    assert "x-inworld-emulator-fault" not in page.text("curl")
    page.click("#embed")
    page.error()
    page.expected_errors = 1
    page.until(STATE, "2 requests since, with status=503 \u00d7 2")
    switch(page, "status=503")
    page.until(STATE, "Whole server: ok.")
    switch(page, "drop")
    page.until(STATE, "Whole server: drop")
    scope(page, "page")  # leaving ends what was set there
    page.until(STATE, "This page")
    assert page.server.faults.script == "ok"


def test_without_chaos_nothing_is_offered_for_the_whole_server(serve_page):
    assert serve_page().open().run("return document.getElementById('scope').hidden")
