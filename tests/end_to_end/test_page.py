"""The page in a real browser: Debian's Chromium, without a display and without the internet."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from selenium import webdriver
from selenium.common.exceptions import StaleElementReferenceException
from selenium.webdriver.chrome.options import Options
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

from dsp.synth.demo_cells import demo_tunings
from station.uplink import Uplink
from tests.end_to_end.running import Collector, emission, eventually, spectrum

pytestmark = pytest.mark.services

FLAGS = ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-background-networking", "--window-size=1500,1250")


@pytest.fixture
def browser(chromium: tuple[str, str], tmp_path: Path) -> Iterator[webdriver.Chrome]:
    program, driver = chromium
    options = Options()
    options.binary_location = program
    for flag in (*FLAGS, f"--user-data-dir={tmp_path / 'profile'}"):
        options.add_argument(flag)
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    running = webdriver.Chrome(options=options, service=Service(driver))
    yield running
    running.quit()


def shown(browser: webdriver.Chrome, selector: str) -> str:
    """Return the text that a reader sees there; asked again where the page was drawn anew in the middle."""
    while True:
        with suppress(StaleElementReferenceException):
            return "\n".join(element.text for element in browser.find_elements(By.CSS_SELECTOR, selector))


def photograph(browser: webdriver.Chrome, name: str, tmp_path: Path) -> Path:
    """Save a picture of the page; CANHSONG_SCREENSHOTS names a folder that keeps them."""
    folder = Path(os.environ.get("CANHSONG_SCREENSHOTS", tmp_path))
    folder.mkdir(parents=True, exist_ok=True)
    browser.save_screenshot(str(folder / f"{name}.png"))
    return folder / f"{name}.png"


def test_the_demo_shows_every_carrier_of_its_scene_by_name(browser: webdriver.Chrome, tmp_path: Path) -> None:
    duration_s = 28.0
    demo = subprocess.Popen(
        [sys.executable, "-m", "station.cli", "demo", "--duration", str(duration_s)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        assert demo.stdout is not None
        page = demo.stdout.readline().split()[-1]
        browser.get(page)
        names = {item.name for tuned in demo_tunings(duration_s) for item in tuned.scene.items}
        assert len(names) >= 8
        for name in names:
            eventually(lambda name=name: name in shown(browser, ".cs-tracks tbody"), timeout_s=90.0)
        chart = shown(browser, ".cs-timeline svg text")
        assert all(name[:10] in chart for name in names), chart
        eventually(lambda: shown(browser, ".cs-cells tbody").count("nhận dạng / identified") >= 4, timeout_s=60.0)
        cells = shown(browser, ".cs-cells tbody")
        for words in ("452-04", "Viettel", "456-08", "Campuchia / Cambodia", "001-01", "30151", "20511", "301"):
            assert words in cells
        assert "Dữ liệu tổng hợp" in shown(browser, ".cs-notice")
        assert len(browser.find_elements(By.CSS_SELECTOR, ".cs-spectrum svg path")) > 3
        assert photograph(browser, "demo", tmp_path).stat().st_size > 50_000
        demo.send_signal(signal.SIGINT)
        _, talk = demo.communicate(timeout=30)
        assert demo.returncode == 0, talk
        assert "Traceback" not in talk
    finally:
        if demo.poll() is None:
            demo.send_signal(signal.SIGINT)  # a kill would leave its collector behind
            demo.communicate(timeout=30)


HOSTILE = (
    "<img src=x onerror=\"document.title='owned'\">",
    "</script><script>document.title='owned'</script>",
    "'; DROP TABLE track; --",
    "{{constructor.constructor('document.title=1')()}}",
    "{a|styled} ${1+1} \x1b[31mred",
)


def test_text_from_a_station_is_shown_as_text_and_nothing_is_fetched_from_outside(
    browser: webdriver.Chrome, collector: Collector, tmp_path: Path
) -> None:
    with Uplink(collector.ingest, station="nui-vong-phu") as uplink:
        for number, text in enumerate(HOSTILE):
            uplink.publish(emission(number, label=text))
        uplink.publish_live(spectrum())
        assert uplink.drain(10.0)
    browser.get(f"{collector.page}?origin=synthetic&station=nui-vong-phu&band=B8")
    eventually(lambda: HOSTILE[2] in shown(browser, ".cs-tracks tbody"), timeout_s=30.0)
    table = shown(browser, ".cs-tracks tbody")
    for text in HOSTILE[:4]:
        assert text in table
    eventually(lambda: "DROP TABLE" in shown(browser, ".cs-timeline svg text"))
    photograph(browser, "hostile", tmp_path)
    assert browser.title == "Canh Sóng"
    assert not browser.find_elements(By.CSS_SELECTOR, "img[src='x']")
    requests = [entry["message"] for entry in browser.get_log("performance") if "Network.requestWillBeSent" in entry["message"]]
    assert requests
    outside = [line for line in requests if '"url":"http' in line and collector.page.rstrip("/") not in line]
    assert outside == []
    severe = [entry for entry in browser.get_log("browser") if entry["level"] == "SEVERE"]
    assert severe == []


def test_the_page_opens_on_live_records_and_offers_what_else_there_is(browser: webdriver.Chrome, collector: Collector) -> None:
    browser.get(collector.page)
    eventually(lambda: "đang đợi trạm" in shown(browser, ".cs-status"), timeout_s=30.0)
    with Uplink(collector.ingest, station="nui-vong-phu") as uplink:
        uplink.publish(emission(label="made up"))
        assert uplink.drain(10.0)
        button = eventually(lambda: [b for b in browser.find_elements(By.CSS_SELECTOR, ".cs-offer button") if b.is_displayed()])[0]
        assert "made up" not in shown(browser, ".cs-tracks tbody")
        button.click()
        eventually(lambda: "made up" in shown(browser, ".cs-tracks tbody"))
        assert "Dữ liệu tổng hợp" in shown(browser, ".cs-notice")
        uplink.publish(emission(1, label="came later"))
        eventually(lambda: "came later" in shown(browser, ".cs-tracks tbody"))
