"""What only a browser shows: clicks and keys, what is drawn and announced, and in which size.

A headless Chromium, whose page must stay quiet: no errors, no other host, nothing beyond the edge. ``CHROMIUM`` and
``CHROMEDRIVER`` name the programs; otherwise they are looked for on the PATH. Where there are none, or no selenium, these
tests are skipped. ``SCREENSHOTS`` names a folder to leave the documentation's pictures in.
"""

import os
import shutil
from pathlib import Path

import numpy as np
import pytest

from inworld_embeddings.ranking import rank
from inworld_embeddings_emulator import TEST_KEY, Emulator, EmulatorServer
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.handle import EMBED_PATH
from inworld_embeddings_emulator.playground import Playground

webdriver = pytest.importorskip("selenium.webdriver", reason="nox -s playground installs selenium")
wait = pytest.importorskip("selenium.webdriver.support.wait")
keys = webdriver.Keys

CELLS = "#heat tbody td"


@pytest.fixture(scope="module")
def driver():
    programs = [os.environ.get(name.upper()) or shutil.which(name) for name in ("chromium", "chromedriver")]
    if not all(programs):
        pytest.skip("no Chromium: see above")
    options = webdriver.ChromeOptions()
    options.binary_location = programs[0]
    options.add_argument("--headless=new")
    options.add_argument("--no-sandbox")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    with webdriver.Chrome(options, webdriver.ChromeService(programs[1])) as started:
        allowed = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        started.execute_cdp_cmd("Browser.grantPermissions", {"permissions": allowed})
        yield started


class Page:
    """What a person does with the page, and sees on it."""

    def __init__(self, driver, url):
        self.driver, self.url = driver, url
        self.run, self.cdp = driver.execute_script, driver.execute_cdp_cmd

    def open(self, width=1280, link="", scheme="light"):
        size = {"width": width, "height": 1000, "deviceScaleFactor": 1, "mobile": False}
        self.cdp("Emulation.setDeviceMetricsOverride", size)
        colours = [{"name": "prefers-color-scheme", "value": scheme}]
        self.cdp("Emulation.setEmulatedMedia", {"features": colours})
        self.driver.get("about:blank")  # another # alone would not load the page again
        self.driver.get(f"{self.url}/{link}")
        self.until("'ready' in document.documentElement.dataset")

    def until(self, condition, *arguments):
        """Waits until a JavaScript expression is true."""
        waiting = wait.WebDriverWait(self.driver, 10, 0.02)
        waiting.until(lambda _: self.run(f"return {condition}", *arguments), condition)

    def ranked(self, count):
        """Waits until so many texts are ranked."""
        self.until("ranking.children.length === arguments[0]", count)

    def refused(self, said):
        """Waits for an error that says so, with which nothing else is shown."""
        self.until("!error.hidden && error.textContent.includes(arguments[0])", said)
        assert self.shown("#heat table, #ranking li") == []

    def click(self, css):
        self.driver.find_element("css selector", css).click()

    def write(self, css, *typed):
        field = self.driver.find_element("css selector", css)
        field.clear()
        field.send_keys(*typed)

    def keys(self, *pressed):
        """Presses keys wherever the focus is; Ctrl and a key in one text go together."""
        self.driver.switch_to.active_element.send_keys(*pressed)

    def shown(self, css, name="textContent"):
        found = "[...document.querySelectorAll(arguments[0])]"
        return self.run(f"return {found}.map((element) => element[arguments[1]])", css, name)

    def text(self, css):
        return self.shown(css)[0]


@pytest.fixture
def page(driver, request):
    """A page that has embedded its sample; when the test is over, it has been as quiet as it promises."""
    engine, key = getattr(request, "param", ("hash:16", TEST_KEY))
    emulator = Emulator(named(engine), key)
    with EmulatorServer(Playground(emulator, emulator.engine)) as server:
        page = Page(driver, server.url)
        page.open()
        page.ranked(7 if key == TEST_KEY else 0)
        assert server.faults.requests == 0  # opening it moves no script on
        yield page
        assert page.run("return document.documentElement.scrollWidth <= innerWidth")
        errors = [entry["message"] for entry in driver.get_log("browser") if entry["level"] == "SEVERE"]
        assert [error for error in errors if EMBED_PATH not in error] == []
        driver.get("about:blank")


TEXTS = ["the parcel is late", "my package has not arrived", "I forgot my password", "où est mon colis ?"]
XSS = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"


def test_texts_become_a_table_and_a_ranking_a_link_brings_them_back_and_a_program_is_copied(page):
    vectors = np.array(named("hash:16").embed([*TEXTS, "q & a"]))
    cosines = vectors[:4] @ vectors[:4].T
    page.write("#texts", "\n".join(TEXTS))
    page.write("#query", "q & a", keys.ENTER)
    page.ranked(4)
    assert page.shown("#ranking .text") == [TEXTS[index] for index, _ in rank(vectors[4], vectors[:4])]
    assert page.shown(CELLS) == [f"{value:z.2f}" for value in cosines.flat]
    page.click("tbody tr:nth-child(2) td:nth-child(4)")
    assert page.text("#reading") == f"2 · 3: {cosines[1, 2]:.4f} — “{TEXTS[1]}” and “{TEXTS[2]}”"
    facts = dict(zip(page.shown("#facts dt"), page.shown("#facts dd"), strict=True))
    assert (facts["Status"], facts["Engine"], page.text("#engine")) == ("200 OK", "hash-16", "hash-16")
    page.click("#link")
    page.until("linked.textContent === 'Copied.'")
    page.open(link=page.run("return location.hash"))
    page.ranked(4)
    assert page.shown("#texts, #query", "value") == ["\n".join(TEXTS), "q & a"]
    page.click("[value=python]")
    page.click("#copy")
    page.until("navigator.clipboard.readText().then((text) => text === code.textContent)")


def test_markup_is_text_and_what_is_too_long_too_much_or_nothing_is_told(page):
    page.open(link=f"#query={XSS}&texts={XSS}%0A{'w ' * 129}")
    page.ranked(2)
    page.click(CELLS)
    assert XSS[:40] in page.text("#reading")
    assert (page.shown("img, body script"), page.driver.title) == ([], "Embeddings playground")
    assert "128 tokens that the model in the request reads: text 2. " in page.text("#long")
    page.write("#texts", "\n".join(map(str, range(52))))
    page.click("#embed")
    page.ranked(50)
    assert (page.text("#texts-count"), len(page.shown(CELLS))) == ("50 texts, 2 left out", 2500)
    page.write("#texts")
    page.click("#embed")
    page.refused("There is no text to embed.")


WRONG = {
    "rate-limit;retry-after=2": "429: injected by the emulator: status=429 (code 8). Retry after 2 s.",
    "html=502": "502, not in the API's form but as text/html: “502 Bad Gateway 502 Bad Gateway”.",
    "drop": "The connection ended without a response. Is the server still running?",
    "truncate=50%": "The connection ended in the middle of the response.",
    "short": "8 texts were sent, 7 vectors came back. No vector of this response is used.",
}


def test_each_fault_is_shown_in_words_and_gone_with_its_switch(page):
    for fault, said in WRONG.items():
        page.click(f"[value='{fault}']")
        page.refused(said)
        assert "The client" in page.text("#lessons")
        page.click(f"[value='{fault}']")
        page.ranked(7)
    page.click("[value=swap]")  # nobody can tell
    page.until("facts.textContent.includes('swap')")
    page.write("#words", "status=418;message=tea", keys.ENTER)  # joins the switches
    page.refused("418: tea (code 2).")
    assert "'x-inworld-emulator-fault: swap + status=418;message=tea'" in page.text("#code")


# Without a mouse, and what a screen reader is told.

FOCUS = """
const { id, value, tagName } = document.activeElement;
return [id || value || tagName, / solid [2-9]/.test(getComputedStyle(document.activeElement).outline)];
"""


def test_a_session_with_the_keyboard_alone_which_sees_where_it_is(page):
    def tab(*stops):
        for stop in stops:
            page.keys(keys.TAB)
            assert page.run(FOCUS) == [stop, True]

    tab("texts")
    page.keys(keys.CONTROL + "a")
    page.keys("one", keys.ENTER, "two", keys.ENTER, "three", keys.CONTROL + keys.ENTER)
    page.ranked(3)
    tab("embed", "link", "query", "search", "TD")
    page.keys(*[keys.ARROW_DOWN] * 3, keys.ARROW_RIGHT)  # nothing is below the last row
    assert page.text("#reading").startswith("3 · 2: ")
    faults = page.shown("#switches input", "value")
    tab(*faults[:2])
    page.keys(keys.SPACE)
    page.refused("503: ")
    tab(*faults[2:], "words", "curl", "copy", "code")


def test_everything_has_a_name_and_the_results_are_announced(page):
    announced = page.shown("[role=status], [role=alert], [aria-live]", "id")
    assert {*announced} == {"summary", "copied", "linked", "long", "error", "ranking", "lessons"}
    nodes = [node for node in page.cdp("Accessibility.getFullAXTree", {})["nodes"] if not node["ignored"]]
    assert {"grid", "gridcell", "rowheader", "columnheader"} <= {node["role"]["value"] for node in nodes}
    names = {node["name"]["value"] for node in nodes if "focusable" in str(node["properties"])}
    assert {"Texts", "Search", "Fault script", "Copy the program", "Node", "Two vectors swapped"} <= names
    assert "" not in names


# How it looks. That nothing is beyond the right edge is checked after each test.

SMALL = """
const box = (e) => e.getBoundingClientRect();
const all = [...document.querySelectorAll("button, input, textarea, tbody td, .switches label")].filter((e) => e.checkVisibility());
return all.filter((e) => e.type !== "checkbox" && Math.min(box(e).width, box(e).height) < 23.99).map((e) => e.outerHTML);
"""


@pytest.mark.parametrize("page", [("local", TEST_KEY)], indirect=True, ids=["local"])
@pytest.mark.parametrize(("width", "how"), [(390, "Tap"), (1280, "Point at")])
@pytest.mark.parametrize(("scheme", "picture"), [("light", "playground"), ("dark", "playground-dark")])
def test_it_fits_in_the_colours_of_the_system(page, width, how, scheme, picture):
    page.open(width, scheme=scheme)
    page.until("ranking.firstChild?.getBoundingClientRect().bottom < 800")
    assert page.text("#reading").startswith(f"{how} a cell")
    back = page.run("return getComputedStyle(document.body).backgroundColor")
    assert back == {"light": "rgb(247, 247, 249)", "dark": "rgb(18, 19, 25)"}[scheme]
    if width == 1280 and (folder := os.environ.get("SCREENSHOTS")):
        page.driver.get_screenshot_as_file(Path(folder, f"{picture}.png"))
    page.write("#texts", "\n".join(["a text of its own"] * 49 + ["w" * 300]))
    page.click("#embed")
    page.ranked(50)
    assert page.run(SMALL) == []


@pytest.mark.parametrize("page", [("hash:16", "my-own:secret-of-mine")], indirect=True, ids=["own key"])
def test_a_key_of_ones_own_is_asked_for_and_shown_nowhere(page):
    assert page.shown("#key", "type") == ["password"]
    for key, said in {"": "401: authentication is required (code 16).", "wrong:key": "403"}.items():
        page.write("#key", key)
        page.click("#embed")
        page.refused(said)
    page.write("#key", "my-own:secret-of-mine")
    page.click("#embed")
    page.ranked(7)
    shown = page.run("return document.documentElement.outerHTML")
    assert not any(part in shown for part in ("secret-of-mine", "bXktb3du"))
    page.open()
    assert page.shown("#key", "value") == [""]
