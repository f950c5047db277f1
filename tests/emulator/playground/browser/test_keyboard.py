"""The whole page without a mouse, and what a screen reader is told."""

from itertools import pairwise

import pytest

from inworld_embeddings_emulator.engines import named

WHERE = """
const e = document.activeElement;
return e.id || (e.dataset.copy && `copy ${e.dataset.copy}`) || e.name || e.value || (e.matches("td") ? "cell" : e.matches("g") ? "point" : e.tagName);
"""
SEEN = """
const e = document.activeElement, shown = e.closest("#theme, #scope") ? e.nextElementSibling : e.matches("g") ? e.querySelector("circle") : e;
const style = getComputedStyle(shown);
return e.matches("g") ? parseFloat(style.strokeWidth) > 2 : style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2;
"""


@pytest.fixture
def keys():
    return pytest.importorskip("selenium.webdriver").Keys


@pytest.fixture
def page(serve_page):
    return serve_page(engine=named("hash:16"), chaos=True).open()


def walk(page, keys):
    """Each stop of the tab key, until the page ends; each must show that it has the focus."""
    stops = []
    while True:
        page.keys(keys.TAB)
        stop = page.run(WHERE)
        if stop == "BODY" or stop in stops:
            return stops
        stops.append(stop)
        assert page.run(SEEN), stop


def test_the_tab_key_goes_through_everything_once_in_reading_order(page, keys):
    page.embed(["a", "b", "c"])
    page.run(
        "document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex')"
    )
    stops = walk(page, keys)
    faults = page.run("return [...document.querySelectorAll('#switches input')].map((input) => input.value)")
    expected = ["theme", "texts", "embed", "cell", "point", "query", "search", "scope", *faults, "words"]
    assert stops == [*expected, "copy curl", "curl", "copy python", "python"]


def test_a_session_with_the_keyboard_alone(page, keys):
    page.keys(keys.TAB, keys.TAB)
    assert page.run(WHERE) == "texts"
    page.chord(keys.CONTROL, "a")
    page.keys("one", keys.ENTER, "two", keys.ENTER, "three", keys.TAB, keys.ENTER)
    page.until("document.querySelectorAll('#map g').length === 3")
    page.keys(keys.TAB)
    assert page.run(WHERE) == "cell"
    page.keys(keys.ARROW_DOWN, keys.ARROW_DOWN, keys.ARROW_RIGHT)
    assert page.text("heat-reading").startswith("3 · 2: ")
    page.keys(keys.ARROW_DOWN, keys.END)
    assert page.text("heat-reading").startswith("3 · 3: 1.0000")
    page.chord(keys.CONTROL, keys.HOME)
    assert page.text("heat-reading").startswith("1 · 1: 1.0000")
    page.keys(keys.ARROW_LEFT, keys.ARROW_UP)
    assert page.text("heat-reading").startswith("1 · 1: 1.0000")
    page.keys(keys.TAB, keys.ARROW_RIGHT, keys.ARROW_DOWN)
    assert page.text("map-reading") == "3: “three”"
    page.keys(keys.TAB, "two", keys.ENTER)
    page.until("document.querySelector('#ranking .text')?.textContent === 'two'")
    page.keys(keys.TAB, keys.TAB, keys.TAB, keys.TAB)
    assert page.run(WHERE) == "status=503"
    page.keys(keys.SPACE)
    page.chord(keys.CONTROL, keys.ENTER)
    assert page.error().startswith("503: ")
    page.expected_errors = 1
    page.keys(keys.SPACE)
    page.chord(keys.CONTROL, keys.ENTER)
    page.until("document.getElementById('error').hidden && document.querySelectorAll('#map g').length === 3")


NAMELESS = """
const named = (e) => e.ariaLabel || e.labels?.[0]?.textContent.trim() || e.getAttribute("aria-labelledby") || e.textContent.trim();
return [...document.querySelectorAll("button, input, textarea, [tabindex], section, table, ul[role], g")].filter((e) => !named(e)).map((e) => e.outerHTML);
"""


def test_everything_has_a_name_and_the_results_are_announced(page):
    page.embed(["a", "b"])
    assert page.run(NAMELESS) == []
    live = page.run(
        "return Object.fromEntries([...document.querySelectorAll('[role=status], [role=alert], [aria-live]')].map((e) => [e.id, e.role ?? e.ariaLive]))"
    )
    assert live == {
        "summary": "status",
        "error": "alert",
        "ranking": "polite",
        "faults-state": "status",
        "copied": "status",
    }
    assert page.run("return document.documentElement.lang") == "en"
    assert page.run(
        "return [...document.querySelectorAll('[aria-labelledby], [aria-describedby]')].every((e) => `${e.getAttribute('aria-labelledby') ?? ''} ${e.getAttribute('aria-describedby') ?? ''}`.trim().split(/\\s+/).every((id) => document.getElementById(id)))"
    )
    headings = page.run("return [...document.querySelectorAll('h1, h2, h3')].map((h) => +h.tagName[1])")
    assert headings[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    accessible = page.cdp("Accessibility.getFullAXTree")["nodes"]
    roles = {node["role"]["value"] for node in accessible if not node["ignored"]}
    assert {
        "grid",
        "gridcell",
        "rowheader",
        "columnheader",
        "switch",
        "radio",
        "searchbox",
        "status",
        "main",
        "banner",
    } <= roles
