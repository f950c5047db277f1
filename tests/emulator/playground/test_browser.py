"""What only a browser shows: clicks and keys, what is drawn and announced, colours, and what its origin rules keep out."""

import numpy as np
import pytest

from inworld_embeddings.ranking import rank
from inworld_embeddings_emulator import EmulatorServer
from inworld_embeddings_emulator.engines import named

TEXTS = ["the parcel is late", "my package has not arrived", "I forgot my password", "où est mon colis ?"]
XSS = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"
CELLS = "#heat tbody td"
EMBED = "/ml/v1alpha/embedding:embed"


def test_typed_texts_become_a_table_and_a_ranking(page, keys):
    vectors = np.array(named("hash:16").embed([*TEXTS, "lost delivery"]))
    cosines = vectors[:4] @ vectors[:4].T
    page.write("texts", "\n".join(TEXTS))
    page.write("query", "lost delivery" + keys.ENTER)
    page.rows(4)
    assert page.shown("#ranking .text") == [TEXTS[index] for index, _ in rank(vectors[4], vectors[:4])]
    assert page.text("summary") == "Embedded 4 texts."
    numbered = [f"{number} {text}" for number, text in enumerate(TEXTS, 1)]
    assert page.shown("#heat th") == [*numbered, *numbered]
    assert page.shown(CELLS) == [f"{value:z.2f}" for value in cosines.flat]
    page.click("tbody tr:nth-child(2) td:nth-child(4)")
    assert page.text("reading") == f"2 · 3: {cosines[1, 2]:.4f} — “{TEXTS[1]}” and “{TEXTS[2]}”"
    facts = dict(zip(page.shown("#facts dt"), page.shown("#facts dd"), strict=True))
    assert (facts["Status"], facts["Engine"], page.text("engine")) == ("200 OK", "hash-16", "hash-16")
    assert len(facts["Request id"]) == 32
    page.write("texts", "a car\na bus\na train")
    page.click("#search")
    page.rows(3)


def test_pasted_markup_is_text_and_more_than_fits_is_left_out(page, keys):
    page.find("#texts").clear()
    page.click("#texts")
    page.clipboard(f"{XSS}\nplain")
    page.keys(keys.CONTROL + "v")
    assert page.find("#texts").get_property("value") == f"{XSS}\nplain"
    page.write("query", XSS + keys.ENTER)
    page.rows(2)
    page.click(CELLS)
    assert XSS[:40] in page.text("reading")
    assert page.shown("#ranking .text")[0] == XSS
    assert (page.shown("img, body script"), page.driver.title) == ([], "Embeddings playground")
    page.clipboard("\n".join(map(str, range(70))))
    page.click("#texts")
    page.keys(keys.CONTROL + "av")
    assert page.text("texts-count") == "50 texts, 20 left out"
    page.embed()
    assert len(page.shown(CELLS)) == 2500
    page.find("#texts").clear()
    page.click("#embed")
    page.error("There is no text to embed.")
    assert page.shown("#heat table, #ranking li") == []


def test_opening_it_embeds_the_sample_and_leaves_the_servers_faults_alone(serve_page):
    page = serve_page(engine=named("hash:16"), faults="status=503").open()
    page.rows(7)
    assert page.server.faults.requests == 0
    page.click("#embed")
    page.error("503: ")
    page.expected_errors = 1
    assert page.shown("#heat table, #ranking li") == []


def test_a_link_brings_texts_and_query_back_and_is_bounded(page):
    page.write("query", "q & a")
    page.embed(TEXTS)
    page.clipboard()  # allows it
    page.click("#link")
    page.until("linked.textContent === 'Copied.'")
    link = page.clipboard()
    assert link.startswith(f"{page.url}/#texts=the+parcel+is+late%0A")
    page.open()  # the same address but for what is behind the #
    page.driver.get(link)
    page.rows(4)
    assert page.shown("#texts, #query", "value") == ["\n".join(TEXTS), "q & a"]
    page.open(link=f"#texts={XSS}%0A{'w ' * 129}")
    assert "128 tokens that the model in the request reads: text 2. " in page.text("long")
    assert page.shown("#heat th.long span") == [f"2 {'w ' * 16}w…"] * 2
    page.open(link=f"#texts={'w' * 32_000}")
    page.rows(7)
    page.run("texts.value = 'w'.repeat(40_000)")
    page.click("#link")
    assert page.text("linked") == "Too long for a link."


# Faults.

WRONG = {  # switch: what the page says, how often the browser itself complains
    "rate-limit;retry-after=2": ("429: injected by the emulator: status=429 (code 8). Retry after 2 s.", 1),
    "status=503": ("503: injected by the emulator: status=503 (code 14).", 1),
    "html=502": ("502, not in the API's form but as text/html: “502 Bad Gateway 502 Bad Gateway”.", 1),
    "drop": ("The connection ended without a response. Is the server still running?", 1),
    "truncate=50%": ("The connection ended in the middle of the response.", 1),
    "short": ("3 texts were sent, 2 vectors came back. No vector of this response is used.", 0),
    "nan": ("The response is not JSON", 0),
    "dimension=8": ("Vector 1 has 8 dimensions, the engine's have 16.", 0),
}


def test_each_fault_is_shown_in_words_and_gone_with_its_switch(page):
    assert set(page.shown("#switches input", "value")) == {*WRONG, "latency=800ms", "swap"}
    page.embed(["a", "b"])
    for fault, (said, complaints) in WRONG.items():
        page.choose(fault)
        page.error(said)
        assert page.shown("#heat table, #ranking li") == []
        assert "The client" in page.text("lessons")
        page.expected_errors += complaints
        page.choose(fault)
        page.settled()
    page.choose("swap")  # nobody can tell
    page.until("facts.textContent.includes('swap')")
    assert page.text("lessons").startswith("It looks like a success, to the client too")


def test_only_the_last_click_counts_and_words_join_the_switches(page):
    page.write("texts", "slow\nslower")
    page.choose("latency=800ms")
    page.choose("latency=800ms")
    page.embed(["a", "b", "c"])
    page.run("return new Promise((done) => setTimeout(done, 900))")
    assert len(page.shown(CELLS)) == 9
    page.choose("latency=800ms")
    page.find("#words").send_keys("status=418;message=tea\n")
    page.error("418: tea (code 2).")
    assert "'x-inworld-emulator-fault: latency=800ms + status=418;message=tea'" in page.text("code")
    refused = {"oh": "is not a fault", "ok x2, drop": "serve --chaos", "html;message=☃": "ISO-8859-1"}
    for words, said in refused.items():
        page.write("words", words)
        page.click("#embed")
        page.until("error.textContent.includes(arguments[0])", said)
    page.expected_errors = 3


# Without a mouse, and what a screen reader is told.

WHERE = "const e = document.activeElement; return e.id || e.value || (e.matches('td') ? 'cell' : e.tagName)"
SEEN = "return / solid [2-9]/.test(getComputedStyle(document.activeElement).outline)"


def test_the_tab_key_goes_through_everything_once_in_reading_order(page, keys):
    page.open(link="#texts=a%0Ab%0Ac")
    stops = []
    page.keys(keys.TAB)
    while (stop := page.run(WHERE)) not in ("BODY", *stops):
        stops.append(stop)
        assert page.run(SEEN), f"{stop} does not show that it has the focus"
        page.keys(keys.TAB)
    faults = page.shown("#switches input", "value")
    expected = ["texts", "embed", "link", "query", "search", "cell", *faults, "words"]
    assert stops == [*expected, "curl", "copy", "code"]


def test_a_session_with_the_keyboard_alone(page, keys):
    page.keys(keys.TAB)
    page.keys(keys.CONTROL + "a")
    page.keys("one", keys.ENTER, "two", keys.ENTER, "three", keys.TAB, keys.ENTER)
    page.rows(3)
    page.keys(keys.TAB, keys.TAB, keys.TAB, keys.TAB, keys.ARROW_DOWN, keys.ARROW_DOWN, keys.ARROW_RIGHT)
    assert page.text("reading").startswith("3 · 2: ")
    page.keys(keys.ARROW_DOWN, keys.ARROW_RIGHT, keys.ARROW_RIGHT)  # nothing is below or behind the last one
    assert page.text("reading").startswith("3 · 3: 1.0000")
    page.keys(keys.TAB, keys.TAB)
    assert page.run(WHERE) == "status=503"
    page.keys(keys.SPACE)
    page.error("503: ")
    page.expected_errors = 1
    page.keys(keys.SPACE)
    page.settled()
    page.keys(keys.CONTROL + keys.ENTER)
    page.until("reading.textContent.includes('walk')")
    page.run("document.querySelector('[value=curl]').focus()")
    page.keys(keys.ARROW_RIGHT)
    assert page.text("code").startswith("from inworld_embeddings")
    page.keys(keys.ARROW_LEFT, keys.ARROW_LEFT)
    assert page.run("return document.getElementById('openai-hint').checkVisibility()")  # it has no /v1


LIVE = """
return Object.fromEntries([...document.querySelectorAll('[role=status], [role=alert], [aria-live]')].map((e) => [e.id, e.role ?? e.ariaLive]));
"""
ROLES = "grid gridcell rowheader columnheader switch searchbox status main banner radiogroup radio region"
NAMES = {"Texts", "Search", "Fault script", "Copy the program", "Program", "Node", "Two vectors swapped"}


def test_everything_has_a_name_and_the_results_are_announced(page):
    page.embed(["a", "b"])
    status = dict.fromkeys(("summary", "copied", "linked", "long"), "status")
    assert page.run(LIVE) == {**status, "error": "alert", "ranking": "polite", "lessons": "polite"}
    nodes = page.cdp("Accessibility.getFullAXTree")["nodes"]
    seen = [node for node in nodes if not node["ignored"]]
    assert set(ROLES.split()) <= {node["role"]["value"] for node in seen}
    focusable = {"name": "focusable", "value": {"type": "booleanOrUndefined", "value": True}}
    names = [node["name"]["value"] for node in seen if focusable in node["properties"]]
    assert len(names) > 25
    assert all(names)
    assert set(names) >= NAMES


# How it looks. That nothing is beyond the right edge is checked after each test.


SMALL = """
const box = (e) => e.getBoundingClientRect();
const all = [...document.querySelectorAll("button, input, textarea, tbody td, .switches label")];
return all.filter((e) => e.checkVisibility() && e.type !== "checkbox" && Math.min(box(e).width, box(e).height) < 23.99).map((e) => e.outerHTML);
"""


@pytest.mark.parametrize(("width", "height", "how"), [(390, 800, "Tap"), (1280, 720, "Point at")])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_looks_right(serve_page, width, height, how, scheme):
    page = serve_page().open(width, height, media=[("color-scheme", scheme)])
    assert page.run("return document.querySelector('#ranking li').getBoundingClientRect().bottom") < height
    assert page.text("reading").startswith(f"{how} a cell")
    page.screenshot(f"page-{width}-{scheme}")
    if width == 1280:  # the pictures of the documentation
        page.screenshot("playground" if scheme == "light" else "playground-dark", height=1000)
    for texts in (TEXTS * 2, [f"a text of its own, number {number}" for number in range(50)], ["w" * 300]):
        assert page.run(SMALL) == []
        page.embed(texts)


CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
const behind = (node) => { for (; node; node = node.parentElement) { const found = getComputedStyle(node).backgroundColor; if (rgb(found)[3] === 255) return found; } };
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (texts.nextNode()) {
  const { parentElement: node, textContent } = texts.currentNode;
  if (!textContent.trim() || !node.checkVisibility() || node.closest(".unseen, noscript")) continue;
  const [one, other] = [getComputedStyle(node).color, behind(node)].map((c) => light(rgb(c)) + .05);
  found.push([Math.max(one, other) / Math.min(one, other), textContent.trim().slice(0, 40)]);
}
return found;
"""
SHARES = """
for (const [index, td] of [...document.querySelectorAll("#heat tbody td")].entries()) td.style.setProperty("--share", `${index * 2}%`);
"""
DARK = "return getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).slice(0, 3).every((part) => part < 128)"
MOVING = """
return [...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).transitionDuration !== '0s' || getComputedStyle(e).animationName !== 'none').length;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_and_nothing_moves(page, scheme):
    page.open(media=[("color-scheme", scheme)])
    assert page.run(MOVING) == 0
    assert page.run(DARK) is (scheme == "dark")
    page.embed(list("abcdefg"))
    page.run(SHARES)  # every shade of the heatmap
    found = page.run(CONTRAST)
    page.choose("drop")
    page.error()
    page.expected_errors = 1
    found += page.run(CONTRAST)
    assert len(found) > 80
    assert not [entry for entry in found if entry[0] < 4.5]


# Copying, keys and origins. That the shown commands run is tested without a browser.


def test_each_program_is_copied_or_where_the_clipboard_is_closed_selected(page):
    page.clipboard()  # allows it
    programs = {"curl": "curl '", "python": "from inw", "node": "// Saved", "openai": "from openai"}
    for name, begins in programs.items():
        page.click(f"label:has([value={name}])")
        page.click("#copy")
        page.until("navigator.clipboard.readText().then((text) => text === code.textContent)")
        assert page.clipboard().startswith(begins)
        assert {"string", "word"} <= set(page.shown("#code span", "className"))
    page.run("navigator.clipboard.writeText = () => Promise.reject(new Error())")
    page.click("#copy")
    page.until("copied.textContent.startsWith('Selected')")
    assert page.run("return getSelection().toString()") == page.text("code").rstrip()


def test_a_key_of_ones_own_is_asked_for_and_shown_nowhere(serve_page):
    page = serve_page(engine=named("hash:16"), api_key="my-own:secret-of-mine").open()
    assert page.find("#key").get_attribute("type") == "password"
    page.click("#embed")
    page.error("401: authentication is required (code 16).")
    page.write("key", "wrong:key")
    page.click("#embed")
    page.error("403")
    page.expected_errors = 2
    page.write("key", "my-own:secret-of-mine")
    page.embed()
    shown = page.run("return document.documentElement.outerHTML")
    assert not any(part in shown for part in ("secret-of-mine", "bXktb3du"))
    page.driver.refresh()
    page.until("'ready' in document.documentElement.dataset")
    assert page.find("#key").get_property("value") == ""


FOREIGN = """
const [url, done] = arguments;
const key = { authorization: "Basic bG9jYWw6bG9jYWw=", "content-type": "application/json" };
const tries = [
  ["/", {}],
  ["/_emulator/playground/settings.json", {}],
  ["/ml/v1alpha/embedding:embed", { method: "POST", headers: key, body: "{}" }],
  ["/_emulator/faults", { method: "PUT", headers: key, body: '{"faults": "drop"}' }],
  ["/_emulator/faults", { headers: key }],
];
Promise.all(tries.map(([path, options]) => fetch(url + path, options).then(() => path, () => "refused"))).then(done);
"""
BLIND = """
const [url, done] = arguments;
fetch(url, { method: "POST", mode: "no-cors", body: '{"inputs": [{"text": "a"}]}' }).then((answer) => done(answer.type), done);
"""


def test_a_page_of_another_origin_reads_and_changes_nothing_and_has_no_key(serve_page, canned):
    page = serve_page(engine=named("hash:16"), chaos=True)
    seen, ask = [], page.driver.execute_async_script
    elsewhere = canned(b"<title>elsewhere</title><body></body>", 200, ("content-type", "text/html"))
    with EmulatorServer(elsewhere) as server:  # on another port: to a browser another origin
        page.driver.get(server.url)
        assert ask(FOREIGN, page.url) == ["refused"] * 5
        assert (page.server.faults.script, page.server.faults.requests) == ("ok", 0)
        page.server.faults.watch(lambda request, reply, labels: seen.append(reply.status))
        assert (ask(BLIND, page.url + EMBED), seen) == ("opaque", [401])
    page.open()
    page.driver.get_log("browser")  # where the refusals are
