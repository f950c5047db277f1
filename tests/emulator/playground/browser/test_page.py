"""The page as a person meets it: typing, clicking, reading."""

import numpy as np
import pytest

from inworld_embeddings.ranking import rank

NARROW, WIDE = 360, 1280
TEXTS = ["the parcel is late", "my package has not arrived", "I forgot my password", "où est mon colis ?"]
XSS = "<img src=x onerror=\"document.title='hit'\"><script>document.title='hit'</script>"


def values(page):
    cells = page.run(
        "return [...document.querySelectorAll('#heat td[data-value]')].map((td) => td.dataset.value)"
    )
    side = round(len(cells) ** 0.5)
    return np.array(cells, float).reshape(side, side)


def cosines(vectors):
    unit = np.array(vectors) / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit @ unit.T


def test_typed_texts_become_a_heatmap_of_their_cosines(page):
    page.embed(TEXTS)
    np.testing.assert_allclose(values(page), cosines(page.vectors(TEXTS)), atol=1e-9)
    shown = page.run(
        "return [...document.querySelectorAll('#heat td[data-value]')].map((td) => td.textContent)"
    )
    assert shown == [f"{value:.2f}" for value in values(page).flat]
    assert page.text("summary") == "Here are 4 vectors, of 768 dimensions."


def test_ctrl_enter_embeds(page):
    from selenium.webdriver import Keys

    page.write("texts", "one\ntwo")
    page.chord(Keys.CONTROL, Keys.ENTER)
    page.until("document.querySelectorAll('#heat td[data-value]').length === 4")


def test_a_cell_is_read_where_one_points(page):
    from selenium.webdriver import ActionChains

    page.embed(TEXTS)
    cell = page.find("#heat tbody tr:nth-child(2) td:nth-of-type(3)")
    ActionChains(page.driver).move_to_element(cell).perform()
    value = values(page)[1, 2]
    assert page.text("heat-reading") == f"2 · 3: {value:.4f} — “{TEXTS[1]}” and “{TEXTS[2]}”"


def test_the_map_has_a_point_for_each_text_and_says_what_it_leaves_out(page):
    page.embed(TEXTS)
    names = page.run("return [...document.querySelectorAll('#map g')].map((g) => g.ariaLabel)")
    assert names == [f"{number}: {text}" for number, text in enumerate(TEXTS, 1)]
    unit = np.array(page.vectors(TEXTS)) / np.linalg.norm(page.vectors(TEXTS), axis=1, keepdims=True)
    sizes = np.linalg.svd(unit - unit.mean(axis=0), compute_uv=False) ** 2
    assert page.text("map-kept") == f"They hold {sizes[:2].sum() / sizes.sum():.0%} of the variance.".replace(
        "%", " %"
    )


def test_the_map_is_the_same_again(page):
    def spots():
        return page.run(
            "return [...document.querySelectorAll('#map circle')].map((c) => [c.cx, c.cy].map((v) => v.baseVal.value))"
        )

    page.embed(TEXTS)
    first = spots()
    page.embed(TEXTS)
    assert spots() == first


@pytest.mark.parametrize("by_key", [True, False], ids=["enter", "click"])
def test_a_search_ranks_as_python_does(page, by_key):
    from selenium.webdriver import Keys

    page.write("texts", "\n".join(TEXTS))  # not embedded before: the search does it
    page.write("query", "lost delivery")
    page.keys(Keys.ENTER) if by_key else page.click("#search")
    page.until("document.querySelectorAll('#ranking li').length === arguments[0]", len(TEXTS))
    found = page.run(
        "return [...document.querySelectorAll('#ranking li')].map((li) => [li.querySelector('.text').textContent, li.dataset.score])"
    )
    vectors = np.array(page.vectors([*TEXTS, "lost delivery"]))
    expected = rank(vectors[-1], vectors[:-1])
    assert [text for text, _ in found] == [TEXTS[index] for index, _ in expected]
    np.testing.assert_allclose(
        [float(score) for _, score in found], [score for _, score in expected], atol=1e-9
    )
    assert page.text("summary") == "Here is the query's vector, of 768 dimensions."


def test_a_search_takes_texts_that_were_changed(page):
    from selenium.webdriver import Keys

    page.embed(["a cat", "a dog"])
    page.write("texts", "a car\na bus\na train")
    page.write("query", "rail" + Keys.ENTER)
    page.until("document.querySelectorAll('#ranking li').length === 3")


def test_pasted_markup_is_text(page):
    from selenium.webdriver import Keys

    page.cdp(
        "Browser.grantPermissions",
        origin=page.url,
        permissions=["clipboardReadWrite", "clipboardSanitizedWrite"],
    )
    page.find("#texts").clear()
    page.click("#texts")
    page.driver.execute_async_script(
        "navigator.clipboard.writeText(arguments[0]).then(arguments[1])", f"{XSS}\nplain"
    )
    page.chord(Keys.CONTROL, "v")
    assert page.find("#texts").get_property("value") == f"{XSS}\nplain"
    page.embed()
    page.write("query", XSS + Keys.ENTER)
    page.until("document.querySelectorAll('#ranking li').length === 2")
    page.click("#heat td[data-value]")
    assert XSS[:40] in page.text("heat-reading")
    assert page.run("return document.querySelector('#ranking .text').textContent") == XSS
    assert page.run("return document.querySelectorAll('img, body script').length") == 0
    assert page.driver.title == "Embeddings playground"


def test_more_than_it_can_show_is_left_out_and_said(page):
    page.run(
        "const box = document.getElementById('texts'); box.value = Array.from({length: 70}, (_, n) => `text ${n}`).join('\\n'); box.dispatchEvent(new Event('input'))"
    )
    assert page.text("texts-count") == "50 texts, 20 left out"
    page.embed()
    assert values(page).shape == (50, 50)
    assert page.fits()


def test_no_text_is_an_error_in_words(page):
    page.find("#texts").clear()
    page.click("#embed")
    assert page.error() == "There is no text to embed."


def test_the_answer_names_its_engine_and_request(page):
    page.embed(TEXTS)
    facts = page.run(
        "return Object.fromEntries([...document.querySelectorAll('#facts dt')].map((dt) => [dt.textContent, dt.nextSibling.textContent]))"
    )
    assert facts["Status"] == "200 OK"
    assert facts["Engine"] == page.text("engine") == "inworld-local-minilm-ngram-v1"
    assert len(facts["Request id"]) == 32
    assert facts["Time"].endswith(" ms")


@pytest.mark.parametrize("width", [NARROW, WIDE])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_and_looks_right(serve_page, width, scheme):
    from selenium.webdriver import Keys

    page = serve_page(chaos=True).open(width, color_scheme=scheme)
    page.screenshot(f"empty-{width}-{scheme}")
    page.embed()
    page.write("query", "shipping delay" + Keys.ENTER)
    page.until("document.querySelectorAll('#ranking li').length === 7")
    assert page.fits()
    page.screenshot(f"full-{width}-{scheme}")
    page.write("texts", "w" * 300)
    page.embed()
    assert page.fits()


def test_the_colours_follow_the_system_and_the_switch(serve_page):
    page = serve_page().open(color_scheme="dark")

    def dark():
        channels = page.run(
            "return getComputedStyle(document.body).backgroundColor.match(/[\\d.]+/g).map(Number)"
        )
        return sum(channels[:3]) < 3 * 128

    seen = [dark()]
    for choice in ("light", "dark", ""):
        page.click(f"#theme label:has(input[value='{choice}'])")
        seen.append(dark())
    assert seen == [True, False, True, True]
    assert page.run("return [localStorage.length, sessionStorage.length, document.cookie.length]") == [
        0,
        0,
        0,
    ]


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
  found.push([Math.max(one, other) / Math.min(one, other), textContent.trim().slice(0, 40), getComputedStyle(node).color, behind(node)]);
}
return found;
"""
SHARES = """
for (const [index, td] of [...document.querySelectorAll("#heat td[data-value]")].entries()) {
  td.style.setProperty("--share", `${index * 4}%`);
  td.toggleAttribute("data-below", index % 2 === 1);
}
"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_can_be_read(serve_page, scheme):
    page = serve_page(chaos=True).open(color_scheme=scheme, reduced_motion="reduce")
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


def test_reduced_motion_moves_nothing(serve_page):
    page = serve_page().open(reduced_motion="reduce")
    assert page.run(
        "return [...document.querySelectorAll('*')].every((e) => getComputedStyle(e).transitionDuration === '0s' && getComputedStyle(e).animationName === 'none')"
    )
