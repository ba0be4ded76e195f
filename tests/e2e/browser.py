"""A headless Chromium, as a person would use it who has the page open."""

import contextlib
import time

from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.action_chains import ActionChains

import picture
import wire

ARGUMENTS = ["--headless=new", "--no-sandbox", "--disable-gpu",
             "--disable-dev-shm-usage", "--disable-background-networking",
             "--disable-component-update", "--no-first-run",
             "--no-proxy-server", "--hide-scrollbars"]
# What a script may read of an element of that name, in each.
TEXTS = "return [...document.querySelectorAll(arguments[0])]" \
    ".map(element => element.textContent)"


class Browser:
    """with: a page at a time."""

    def __init__(self):
        options = Options()
        options.binary_location = "/usr/bin/chromium"
        for argument in ARGUMENTS:
            options.add_argument(argument)
        options.set_capability("goog:loggingPrefs", {"browser": "ALL"})
        self.driver = webdriver.Chrome(
            service=Service("/usr/bin/chromedriver"), options=options)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        self.driver.quit()

    def open(self, url):
        self.driver.get(url)

    def run(self, script, *arguments):
        return self.driver.execute_script(script, *arguments)

    def value(self, expression, *arguments):
        return self.run(f"return {expression}", *arguments)

    def texts(self, selector):
        """Those of all such elements, as they stand in the document."""
        return self.run(TEXTS, selector)

    def text(self, selector):
        return " ".join(self.texts(selector))

    def until(self, condition, *arguments):
        """Until the expression of JavaScript is true; returns it."""
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while not (value := self.value(condition, *arguments)):
            assert time.monotonic() < deadline, (
                f"never: {condition}\n{self.text('body')}")
            time.sleep(0.05)
        return value

    def until_text(self, selector, *parts):
        """Until one such element has all of these in its text."""
        deadline = time.monotonic() + wire.HANG_BOUND_S
        while True:
            texts = self.texts(selector)
            for text in texts:
                if all(part in text for part in parts):
                    return text
            assert time.monotonic() < deadline, (
                f"never in {selector}: {parts}\n{texts}")
            time.sleep(0.05)

    def press(self, *keys):
        ActionChains(self.driver).send_keys(*keys).perform()

    def call(self, command, **parameters):
        return self.driver.execute_cdp_cmd(command, parameters)

    def prefer(self, scheme):
        self.call("Emulation.setEmulatedMedia", features=[
            {"name": "prefers-color-scheme", "value": scheme}])

    def resize(self, width, height):
        self.call("Emulation.setDeviceMetricsOverride", width=width,
                  height=height, deviceScaleFactor=1, mobile=width < 600)

    def shoot(self, path):
        path.write_bytes(picture.smaller(
            self.driver.get_screenshot_as_png()))

    def complaints(self):
        """What the browser had to complain of, a policy's offences too, but
        not of servers that have gone."""
        return [line["message"] for line in self.driver.get_log("browser")
                if "net::ERR_" not in line["message"]]


@contextlib.contextmanager
def watching(browser, url):
    """A page that nothing is to be complained of."""
    browser.complaints()
    browser.open(url)
    yield browser
    assert browser.complaints() == []
    browser.open("about:blank")
