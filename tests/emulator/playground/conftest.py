"""A headless Chromium, a served emulator, and a page that must stay quiet: no errors, no other host, nothing beside the edge.

``CHROMIUM`` and ``CHROMEDRIVER`` name the programs; otherwise they are looked for on the PATH. Where there are none, or
no selenium, these tests are skipped. ``SCREENSHOTS`` names a folder to leave pictures in.
"""

import base64
import json
import logging
import os
import shutil
import time
from pathlib import Path

import pytest

from inworld_embeddings_emulator import TEST_KEY, Emulator, EmulatorServer
from inworld_embeddings_emulator.engines import named
from inworld_embeddings_emulator.playground import Playground

FLAGS = (
    "--headless=new --no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


def program(variable, *names):
    found = os.environ.get(variable) or next(filter(None, map(shutil.which, names)), None)
    if not found:
        pytest.skip(f"no {names[0]}: set {variable} to the program, or put it on the PATH")
    return found


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    webdriver = pytest.importorskip("selenium.webdriver", reason="nox -s playground installs selenium")
    for chatter in ("selenium", "urllib3"):
        logging.getLogger(chatter).setLevel(logging.WARNING)
    options = webdriver.ChromeOptions()
    options.binary_location = program("CHROMIUM", "chromium", "chromium-browser", "google-chrome")
    for flag in FLAGS.split():
        options.add_argument(flag)
    options.add_argument(f"--user-data-dir={tmp_path_factory.mktemp('profile')}")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
    service = webdriver.ChromeService(program("CHROMEDRIVER", "chromedriver"))
    started = webdriver.Chrome(options=options, service=service)
    yield started
    started.quit()


class Page:
    def __init__(self, driver, server):
        self.driver, self.server, self.url = driver, server, server.url
        self.expected_errors = 0

    def open(self, width=1280, height=800, link="", media=()):
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": False}
        features = [{"name": f"prefers-{name}", "value": value} for name, value in media]
        self.cdp("Emulation.setDeviceMetricsOverride", **metrics)
        self.cdp("Emulation.setEmulatedMedia", features=features)
        self.driver.get("about:blank")  # another # alone would not load the page again
        self.driver.get(f"{self.url}/{link}")
        self.until("'ready' in document.documentElement.dataset")
        if self.run("return key.offsetParent === null"):  # it is not asked for
            self.settled()  # it embeds what is in the box at once
        return self

    def cdp(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def until(self, condition, *arguments):
        """Waits until a JavaScript expression is true, and returns it."""
        deadline = time.monotonic() + 10
        while not (found := self.run(f"return {condition}", *arguments)):
            if time.monotonic() > deadline:
                raise AssertionError(f"not within ten seconds: {condition}; error: {self.text('error')}")
            time.sleep(0.02)
        return found

    def find(self, css):
        return self.driver.find_element("css selector", css)

    def click(self, css):
        self.find(css).click()

    def choose(self, value):
        self.click(f"label:has([value='{value}'])")

    def keys(self, *keys):
        """Presses keys wherever the focus is; Ctrl and a key in one text go together."""
        self.driver.switch_to.active_element.send_keys(*keys)

    def text(self, identifier):
        return self.run("return document.getElementById(arguments[0]).textContent", identifier)

    def write(self, identifier, value):
        field = self.find(f"#{identifier}")
        field.clear()
        field.send_keys(value)

    def embed(self, texts=None):
        """Clicks, and waits for the vectors."""
        if texts is not None:
            self.write("texts", "\n".join(texts))
        self.click("#embed")
        self.settled()

    def settled(self):
        """Waits for the vectors, and for the ranking if there is a query."""
        self.until("heat.firstChild && (!query.value || ranking.firstChild)")

    def error(self, begins=""):
        return self.until("!error.hidden && error.textContent.startsWith(arguments[0])", begins)

    def rows(self, count):
        self.until("document.querySelectorAll('#ranking li').length === arguments[0]", count)

    def clipboard(self, text=None):
        """What is in the clipboard, or what is put there."""
        permissions = ["clipboardReadWrite", "clipboardSanitizedWrite"]
        self.cdp("Browser.grantPermissions", origin=self.url, permissions=permissions)
        call = "readText()" if text is None else f"writeText({json.dumps(text)})"
        return self.driver.execute_async_script(f"navigator.clipboard.{call}.then(arguments[0])")

    def shown(self, css, name="textContent"):
        found = "[...document.querySelectorAll(arguments[0])]"
        return self.run(f"return {found}.map((element) => element[arguments[1]])", css, name)

    def screenshot(self, name, **size):
        if folder := os.environ.get("SCREENSHOTS"):
            clip = {**self.cdp("Page.getLayoutMetrics")["cssContentSize"], "scale": 1, **size}
            picture = self.cdp("Page.captureScreenshot", captureBeyondViewport=True, clip=clip)["data"]
            Path(folder).mkdir(parents=True, exist_ok=True)
            (Path(folder) / f"{name}.png").write_bytes(base64.b64decode(picture))


ELSEWHERE = """
return performance.getEntriesByType("resource").map((entry) => entry.name).filter((name) => !name.startsWith(location.origin));
"""


@pytest.fixture
def serve_page(driver):
    servers, pages = [], []

    def start(*, engine=None, api_key=TEST_KEY, **options):
        emulator = Emulator(engine, api_key)
        layer = Playground(emulator, emulator.engine)
        servers.append(EmulatorServer(layer, **options).start())
        driver.get("about:blank")
        driver.get_log("browser")
        pages.append(Page(driver, servers[-1]))
        return pages[-1]

    yield start
    page = pages[-1]
    assert page.run("return document.documentElement.scrollWidth <= innerWidth"), "beyond the right edge"
    errors = [entry for entry in driver.get_log("browser") if entry["level"] not in ("DEBUG", "INFO")]
    assert len(errors) == page.expected_errors, errors
    assert page.run(ELSEWHERE) == []
    assert page.run("return localStorage.length + sessionStorage.length + document.cookie.length") == 0
    driver.get("about:blank")
    for server in servers:
        server.stop()


@pytest.fixture
def page(serve_page):
    return serve_page(engine=named("hash:16")).open()


@pytest.fixture
def keys():
    return pytest.importorskip("selenium.webdriver").Keys
