"""The request as cURL and as Python: what the copy buttons copy really runs. And whose key is where."""

import json
import os
import shutil
import subprocess
import sys

import pytest

from inworld_embeddings_emulator import EmulatorServer, Reply
from inworld_embeddings_emulator.engines import named

TEXTS = ["it's", 'a "quoted" $HOME `id`', "日本語 🙂", "back\\slash"]


def copied(page, name):
    button = page.find(f"[data-copy={name}]")
    page.run("arguments[0].scrollIntoView({ block: 'center' })", button)
    page.clipboard()  # allows it
    button.click()
    page.until("document.getElementById('copied').textContent.startsWith('Copied')")
    text = page.clipboard()
    assert text == page.text(name)
    return text


def test_the_copied_requests_run(page):
    page.write("texts", "\n".join(TEXTS))
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    command = [sys.executable, "-W", "error", "-c", copied(page, "python")]
    done = subprocess.run(command, capture_output=True, text=True, env=environment)
    assert done.stdout == "(4, 16) hash-16\n", done.stderr
    command = copied(page, "curl")
    if shutil.which("curl"):
        done = subprocess.run(["sh", "-c", command], capture_output=True)
        found = json.loads(done.stdout)["embeddings"]
        assert [entry["values"] for entry in found] == page.vectors(TEXTS)


def test_where_the_clipboard_is_closed_the_text_is_selected(page):
    page.run("navigator.clipboard.writeText = () => Promise.reject(new Error())")
    page.click("[data-copy=curl]")
    page.until("document.getElementById('copied').textContent.startsWith('Selected')")
    assert page.run("return getSelection().toString()") == page.text("curl")


def test_a_key_of_ones_own_is_asked_for_and_shown_nowhere(serve_page):
    assert serve_page().open().run("return document.getElementById('key-field').hidden")
    page = serve_page(engine=named("hash:16"), api_key="my-own:secret-of-mine").open()
    field = page.find("#key")
    assert field.get_attribute("type") == "password"
    page.click("#embed")
    assert page.error() == "401: authentication is required (code 16)."
    field.send_keys("wrong:key")
    page.click("#embed")
    page.until("document.getElementById('error').textContent.startsWith('403')")
    page.expected_errors = 2
    page.write("key", "my-own:secret-of-mine")
    page.embed()
    shown = page.run("return document.documentElement.outerHTML")
    assert not any(part in shown for part in ("secret-of-mine", "bXktb3du"))
    assert page.kept() == 0
    page.driver.refresh()
    page.until("'ready' in document.documentElement.dataset")
    assert page.find("#key").get_property("value") == ""


class Elsewhere:
    """A page of somebody else, on another port: to a browser another origin."""

    uses_test_key = True

    def handle(self, request):
        return Reply(200, (("content-type", "text/html"),), b"<title>elsewhere</title><body></body>")


@pytest.fixture
def elsewhere(serve_page):
    """A browser on that page, and the playground's server with chaos on."""
    page = serve_page(engine=named("hash:16"), chaos=True)
    with EmulatorServer(Elsewhere()) as server:
        page.driver.get(server.url)
        assert page.driver.title == "elsewhere"
        yield page
        for kind in ("browser", "performance"):  # it told of each refusal, and asked elsewhere itself
            page.driver.get_log(kind)


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
FRAME = """
const frame = document.createElement("iframe");
frame.onload = arguments[1];
frame.src = arguments[0];
document.body.append(frame);
"""


def test_a_page_of_another_origin_reads_and_changes_nothing_and_has_no_key(elsewhere):
    assert elsewhere.driver.execute_async_script(FOREIGN, elsewhere.url) == ["refused"] * 5
    assert str(elsewhere.server.faults.script) == "ok"
    assert elsewhere.server.faults.requests == 0
    seen = []
    elsewhere.server.faults.watch(lambda request, reply, labels: seen.append(reply.status))
    embed = f"{elsewhere.url}/ml/v1alpha/embedding:embed"
    assert elsewhere.driver.execute_async_script(BLIND, embed) == "opaque"
    assert seen == [401]


def test_no_other_page_can_frame_it(elsewhere):
    elsewhere.driver.execute_async_script(FRAME, elsewhere.url)
    elsewhere.driver.switch_to.frame(0)
    assert elsewhere.run("return location.href") == "chrome-error://chromewebdata/"
    elsewhere.driver.switch_to.default_content()
    assert "frame-ancestors" in str(elsewhere.driver.get_log("browser"))


def test_a_program_that_got_in_could_call_nowhere(page):
    """What the policy forbids, it forbids: checked by breaking it."""
    tries = "Promise.allSettled([fetch('http://127.0.0.1:9/'), import('data:text/javascript,1')]).then((all) => arguments[0](all.map((a) => a.status)))"
    assert page.driver.execute_async_script(tries) == ["rejected", "rejected"]
    page.run(
        "const s = document.createElement('script'); s.textContent = 'document.title = 1'; document.body.append(s)"
    )
    assert page.driver.title == "Embeddings playground"
    assert str(page.driver.get_log("browser")).count("Content Security Policy") >= 3
