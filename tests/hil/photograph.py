"""Opens the kit's page in Chromium, waits for words on it, saves a picture: ``photograph.py URL PICTURE PROFILE_FOLDER WORD...``.

A program of its own because it runs where the kit does: in a network namespace without a route.
"""

from __future__ import annotations

import contextlib
import shutil
import sys
import time
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=1500,1250")
TIMEOUT_S = 180.0
"""The first sweep and its looks come within this on a machine that has other work too."""
PLACES = ".cs-tracks tbody, .cs-cells tbody, .cs-notice"


def main(url: str, picture: Path, profile: Path, words: list[str]) -> None:
    """Fail with what the page shows where a word does not come."""
    options = Options()
    options.binary_location = shutil.which("chromium") or "chromium"
    for flag in (*FLAGS, f"--user-data-dir={profile}"):
        options.add_argument(flag)
    browser = webdriver.Chrome(options=options, service=Service(shutil.which("chromedriver")))
    try:
        browser.get(url)
        until, shown = time.monotonic() + TIMEOUT_S, ""
        while time.monotonic() < until and not all(word in shown for word in words):
            time.sleep(0.5)
            with contextlib.suppress(StaleElementReferenceException):  # the page drew itself anew between finding and reading
                shown = "\n".join(element.text for element in browser.find_elements(By.CSS_SELECTOR, PLACES))
        browser.save_screenshot(str(picture))
        curves = len(browser.find_elements(By.CSS_SELECTOR, ".cs-spectrum svg path"))
        assert all(word in shown for word in words), f"missing of {words}: {shown}"
        assert curves > 3, "the spectrum is drawn"
    finally:
        browser.quit()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), sys.argv[4:])
