"""The page as a person meets it: typing, clicking, reading."""

import numpy as np
import pytest

from inworld_embeddings.ranking import rank

TEXTS = ["the parcel is late", "my package has not arrived", "I forgot my password", "où est mon colis ?"]
XSS = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"
CELLS = "#heat td[data-value]"


def test_typed_texts_become_a_table_of_cosines_and_a_map(serve_page):
    page = serve_page().open()
    page.embed(TEXTS)
    vectors = np.array(page.vectors(TEXTS))
    unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    cosines = unit @ unit.T
    cells = page.find_all(CELLS)
    np.testing.assert_allclose(
        [float(td.get_attribute("data-value")) for td in cells], cosines.flat, atol=1e-9
    )
    assert page.shown(CELLS) == [f"{value:.2f}" for value in cosines.flat]
    assert page.text("summary") == "Here are 4 vectors, of 768 dimensions."
    page.actions().move_to_element(cells[6]).perform()
    assert page.text("heat-reading") == f"2 · 3: {cosines[1, 2]:.4f} — “{TEXTS[1]}” and “{TEXTS[2]}”"
    names = page.shown("#map g", "ariaLabel")
    assert names == [f"{number}: {text}" for number, text in enumerate(TEXTS, 1)]
    sizes = np.linalg.svd(unit - unit.mean(axis=0), compute_uv=False) ** 2
    share = round(100 * sizes[:2].sum() / sizes.sum())
    assert page.text("map-kept") == f"They hold {share} % of the variance."
    facts = dict(zip(page.shown("#facts dt"), page.shown("#facts dd"), strict=True))
    assert facts["Status"] == "200 OK"
    assert facts["Engine"] == page.text("engine") == "inworld-local-minilm-ngram-v1"
    assert len(facts["Request id"]) == 32
    assert facts["Time"].endswith(" ms")


def test_a_search_ranks_as_python_does_and_takes_texts_that_were_changed(page, keys):
    query = "lost delivery"
    page.write("texts", "\n".join(TEXTS))  # not embedded before: the search does it
    page.write("query", query + keys.ENTER)
    page.until("document.querySelectorAll('#ranking li').length === arguments[0]", len(TEXTS))
    vectors = np.array(page.vectors([*TEXTS, query]))
    expected = rank(vectors[-1], vectors[:-1])
    assert page.shown("#ranking .text") == [TEXTS[index] for index, _ in expected]
    scores = [float(li.get_attribute("data-score")) for li in page.find_all("#ranking li")]
    np.testing.assert_allclose(scores, [score for _, score in expected], atol=1e-9)
    assert page.text("summary") == "Here is the query's vector, of 16 dimensions."
    page.write("texts", "a car\na bus\na train")
    page.click("#search")
    page.until("document.querySelectorAll('#ranking li').length === 3")


def test_pasted_markup_is_text(page, keys):
    page.find("#texts").clear()
    page.click("#texts")
    page.clipboard(f"{XSS}\nplain")
    page.keys("v", holding=keys.CONTROL)
    assert page.find("#texts").get_property("value") == f"{XSS}\nplain"
    page.embed()
    page.write("query", XSS + keys.ENTER)
    page.until("document.querySelectorAll('#ranking li').length === 2")
    page.click(CELLS)
    assert XSS[:40] in page.text("heat-reading")
    assert page.shown("#ranking .text")[0] == XSS
    assert page.find_all("img, body script") == []
    assert page.driver.title == "Embeddings playground"


def test_more_than_it_can_show_is_left_out_and_no_text_is_an_error(page):
    page.run(
        "const box = document.getElementById('texts'); box.dispatchEvent(new Event('input', "
        "(box.value = Array.from({length: 70}, (_, n) => `text ${n}`).join('\\n'), {})))"
    )
    assert page.text("texts-count") == "50 texts, 20 left out"
    page.embed()
    assert len(page.shown(CELLS)) == 2500
    page.find("#texts").clear()
    page.click("#embed")
    assert page.error() == "There is no text to embed."


@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_looks_right(serve_page, keys, width, scheme):
    page = serve_page(chaos=True).open(width, color_scheme=scheme)
    page.screenshot(f"empty-{width}-{scheme}")
    page.embed()
    page.write("query", "shipping delay" + keys.ENTER)
    page.until("document.querySelectorAll('#ranking li').length === 7")
    page.screenshot(f"full-{width}-{scheme}")
    page.write("texts", "w" * 300)
    page.embed()


def test_the_colours_follow_the_system_and_the_switch_and_nothing_is_kept(serve_page):
    page = serve_page().open(color_scheme="dark")

    def dark():
        colour = page.run(
            "return getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number)"
        )
        return sum(colour[:3]) < 3 * 128

    seen = [dark()]
    for choice in ("light", "dark", ""):
        page.click(f"#theme label:has(input[value='{choice}'])")
        seen.append(dark())
    assert seen == [True, False, True, True]
    assert page.kept() == 0


CONTRAST = """
const canvas = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
const rgb = (colour) => { canvas.clearRect(0, 0, 1, 1); canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); return [...canvas.getImageData(0, 0, 1, 1).data]; };
const light = ([r, g, b]) => [r, g, b].map((c) => c / 255).map((c) => (c <= .04045 ? c / 12.92 : ((c + .055) / 1.055) ** 2.4)).reduce((sum, c, i) => sum + c * [.2126, .7152, .0722][i], 0);
const behind = (node) => { for (; node; node = node.parentElement) { const found = getComputedStyle(node).backgroundColor; if (rgb(found)[3] === 255) return found; } };
const texts = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
const found = [];
while (texts.nextNode()) {
  const { parentElement: node, textContent } = texts.currentNode;
  if (!textContent.trim() || !node.checkVisibility() || node.closest(".unseen, svg, noscript")) continue;
  const [one, other] = [getComputedStyle(node).color, behind(node)].map((c) => light(rgb(c)) + .05);
  found.push([Math.max(one, other) / Math.min(one, other), textContent.trim().slice(0, 40)]);
}
return found;
"""
SHARES = """
for (const [index, td] of [...document.querySelectorAll("#heat td[data-value]")].entries()) {
  td.style.setProperty("--share", `${index * 4}%`);
  td.toggleAttribute("data-below", index % 2 === 1);
}
"""
MOVING = """
return [...document.querySelectorAll('*')].filter((e) => getComputedStyle(e).transitionDuration !== '0s' || getComputedStyle(e).animationName !== 'none').length;
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read_and_reduced_motion_moves_nothing(serve_page, scheme):
    page = serve_page(chaos=True).open(color_scheme=scheme, reduced_motion="reduce")
    assert page.run(MOVING) == 0
    page.embed(list("abcde"))
    page.run(SHARES)  # every shade of the heatmap
    found = page.run(CONTRAST)
    page.click("label:has([value=drop])")
    page.click("#embed")
    page.error()
    page.expected_errors = 1
    found += page.run(CONTRAST)
    assert len(found) > 80
    assert not [entry for entry in found if entry[0] < 4.5]
