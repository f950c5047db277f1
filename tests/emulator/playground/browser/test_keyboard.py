"""The whole page without a mouse, and what a screen reader is told."""

from itertools import pairwise

WHERE = """
const e = document.activeElement;
return e.id || (e.dataset.copy && `copy ${e.dataset.copy}`) || e.name || e.value || (e.matches("td") ? "cell" : e.matches("g") ? "point" : e.tagName);
"""
SEEN = """
const e = document.activeElement, shown = e.closest("#theme, #scope") ? e.nextElementSibling : e.matches("g") ? e.querySelector("circle") : e;
const style = getComputedStyle(shown);
return e.matches("g") ? parseFloat(style.strokeWidth) > 2 : style.outlineStyle === "solid" && parseFloat(style.outlineWidth) >= 2;
"""
START = """
document.activeElement.blur(); document.body.tabIndex = -1; document.body.focus(); document.body.removeAttribute('tabindex');
"""


def test_the_tab_key_goes_through_everything_once_in_reading_order(page, keys):
    page.embed(["a", "b", "c"])
    page.run(START)
    stops = []
    page.keys(keys.TAB)
    while (stop := page.run(WHERE)) not in ("BODY", *stops):
        stops.append(stop)
        assert page.run(SEEN), f"{stop} does not show that it has the focus"
        page.keys(keys.TAB)
    faults = page.shown("#switches input", "value")
    expected = ["theme", "texts", "embed", "cell", "point", "query", "search", "scope", *faults, "words"]
    assert stops == [*expected, "copy curl", "curl", "copy python", "python"]


def test_a_session_with_the_keyboard_alone(page, keys):
    page.keys(keys.TAB, keys.TAB)
    page.keys("a", holding=keys.CONTROL)
    page.keys("one", keys.ENTER, "two", keys.ENTER, "three", keys.TAB, keys.ENTER)
    page.until("document.querySelectorAll('#map g').length === 3")
    page.keys(keys.TAB, keys.ARROW_DOWN, keys.ARROW_DOWN, keys.ARROW_RIGHT)
    assert page.text("heat-reading").startswith("3 · 2: ")
    page.keys(keys.ARROW_DOWN, keys.END)
    assert page.text("heat-reading").startswith("3 · 3: 1.0000")
    page.keys(keys.HOME, holding=keys.CONTROL)
    page.keys(keys.ARROW_LEFT, keys.ARROW_UP)
    assert page.text("heat-reading").startswith("1 · 1: 1.0000")
    page.keys(keys.TAB, keys.ARROW_RIGHT, keys.ARROW_DOWN)
    assert page.text("map-reading") == "3: “three”"
    page.keys(keys.TAB, "two", keys.ENTER)
    page.until("document.querySelector('#ranking .text')?.textContent === 'two'")
    page.keys(keys.TAB, keys.TAB, keys.TAB, keys.TAB)
    assert page.run(WHERE) == "status=503"
    page.keys(keys.SPACE)
    page.keys(keys.ENTER, holding=keys.CONTROL)
    assert page.error().startswith("503: ")
    page.expected_errors = 1
    page.keys(keys.SPACE)
    page.keys(keys.ENTER, holding=keys.CONTROL)
    page.until("document.getElementById('error').hidden && document.querySelectorAll('#map g').length === 3")


NAMELESS = """
const named = (e) => e.ariaLabel || e.labels?.[0]?.textContent.trim() || e.getAttribute("aria-labelledby") || e.textContent.trim();
return [...document.querySelectorAll("button, input, textarea, [tabindex], section, table, ul[role], g")].filter((e) => !named(e)).map((e) => e.outerHTML);
"""
LIVE = """
return Object.fromEntries([...document.querySelectorAll('[role=status], [role=alert], [aria-live]')].map((e) => [e.id, e.role ?? e.ariaLive]));
"""
DANGLING = """
const ids = [...document.querySelectorAll('[aria-labelledby], [aria-describedby]')].flatMap((e) => `${e.getAttribute('aria-labelledby') ?? ''} ${e.getAttribute('aria-describedby') ?? ''}`.trim().split(/\\s+/));
return ids.filter((id) => !document.getElementById(id));
"""
ROLES = "grid gridcell rowheader columnheader switch radio searchbox status main banner"


def test_everything_has_a_name_and_the_results_are_announced(page):
    page.embed(["a", "b"])
    assert (page.run(NAMELESS), page.run(DANGLING)) == ([], [])
    status = dict.fromkeys(("summary", "faults-state", "copied"), "status")
    assert page.run(LIVE) == {**status, "error": "alert", "ranking": "polite"}
    assert page.run("return document.documentElement.lang") == "en"
    headings = [int(name[1]) for name in page.shown("h1, h2, h3", "tagName")]
    assert headings[0] == 1
    assert all(later - earlier <= 1 for earlier, later in pairwise(headings))
    nodes = page.cdp("Accessibility.getFullAXTree")["nodes"]
    assert set(ROLES.split()) <= {node["role"]["value"] for node in nodes if not node["ignored"]}
