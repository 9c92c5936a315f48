"""A real browser without a network, for tests of pages."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_FLAGS = (
    "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--disable-component-update",
    "--disable-sync", "--no-first-run", "--host-resolver-rules=MAP * ~NOTFOUND", "--window-size=1400,1000",
)  # fmt: skip


@contextmanager
def chromium() -> Iterator[Any]:
    """Headless Chromium under the driver's control; the test is skipped where either is absent."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if browser is None or driver is None:
        pytest.skip("no chromium and chromedriver to look at pages with")
    webdriver = pytest.importorskip("selenium.webdriver")
    options = webdriver.ChromeOptions()
    options.binary_location = browser
    for flag in _FLAGS:
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield opened
    finally:
        opened.quit()


def visit(browser: Any, page: Path) -> None:
    """Open a page and wait until its script is done."""
    for kind in ("browser", "performance"):
        browser.get_log(kind)
    browser.get(page.as_uri())
    until = time.monotonic() + 30
    while not browser.execute_script("return document.documentElement.dataset.ready"):
        assert time.monotonic() < until, complaints(browser)
        time.sleep(0.05)


def complaints(browser: Any) -> list[str]:
    """What the browser warned of or refused since `visit`."""
    return [entry["message"] for entry in browser.get_log("browser") if entry["level"] not in ("INFO", "DEBUG")]


def requests(browser: Any) -> list[str]:
    """What the browser asked for since `visit`, but for what stands in the page itself."""
    events = [json.loads(entry["message"])["message"] for entry in browser.get_log("performance")]
    asked = [event["params"]["request"]["url"] for event in events if event["method"] == "Network.requestWillBeSent"]
    return [url for url in asked if not url.startswith(("data:", "blob:"))]


def model(browser: Any, name: str, told: str) -> Any:
    """Something of a model of bokeh by its name, as an expression of ``model``."""
    find = "const model = [...Bokeh.documents[0].all_models].find((each) => each.name === arguments[0]);"
    return browser.execute_script(f"{find} return {told}", name)
