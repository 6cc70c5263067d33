"""Debian's Chromium without a window, driven over WebDriver."""

import json
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from selenium import webdriver
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service

_CHROMIUM, _DRIVER = shutil.which("chromium"), shutil.which("chromedriver")


@contextmanager
def open_browser() -> Iterator["Browser"]:
    """Open the browser; without one, skip the test with the reason."""
    if not _CHROMIUM or not _DRIVER:
        pytest.skip("no Chromium: apt-get install --no-install-recommends chromium chromium-driver")
    options = Options()
    options.binary_location = _CHROMIUM
    for argument in ("--headless=new", "--no-sandbox", "--disable-dev-shm-usage", "--hide-scrollbars"):
        options.add_argument(argument)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    driver = webdriver.Chrome(options, Service(_DRIVER))
    try:
        yield Browser(driver)
    finally:
        driver.quit()


class Browser:
    """One tab, with its screen, media and logs."""

    def __init__(self, driver: webdriver.Chrome) -> None:
        self._driver = driver

    def show(self, page: Path, *, width: int, scheme: str = "light", media: str = "screen") -> None:
        """Load a page on a screen of this width."""
        self._logs()
        self._call(
            "Emulation.setDeviceMetricsOverride", width=width, height=900, deviceScaleFactor=1, mobile=False
        )
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self._call("Emulation.setEmulatedMedia", media=media, features=features)
        self._driver.get(page.as_uri())

    def run(self, script: str) -> Any:
        """Return what a script returns that is run in the page."""
        return self._driver.execute_script(script)

    def screenshot(self) -> bytes:
        """Return the visible part of the page as PNG."""
        return self._driver.get_screenshot_as_png()

    def console(self) -> list[str]:
        """Return the lines of the console since the page was loaded."""
        return [entry["message"] for entry in self._driver.get_log("browser")]

    def requests(self) -> list[str]:
        """Return the addresses that were requested since the page was loaded."""
        messages = [json.loads(entry["message"])["message"] for entry in self._driver.get_log("performance")]
        sent = [each["params"] for each in messages if each["method"] == "Network.requestWillBeSent"]
        return [each["request"]["url"] for each in sent]

    def _logs(self) -> None:
        self.console()
        self.requests()

    def _call(self, command: str, **arguments: Any) -> None:
        self._driver.execute_cdp_cmd(command, arguments)
