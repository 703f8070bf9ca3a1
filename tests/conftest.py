"""Fixtures that every part of the tests shares."""

from __future__ import annotations

import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.machine import WORDS

if TYPE_CHECKING:
    from tests.services.influxdb.influxd import Influxd

ROOT = Path(__file__).resolve().parent.parent


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Turn a skip into a failure where CANHSONG_NO_SKIP is set: CI has everything but real hardware and, perhaps, privileges."""
    report = yield
    if report.skipped and os.environ.get("CANHSONG_NO_SKIP") and not hasattr(report, "wasxfail") and WORDS not in str(report.longrepr):
        report.outcome = "failed"
        report.longrepr = f"skipped although CANHSONG_NO_SKIP is set: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def root() -> Path:
    """The project's top folder."""
    return ROOT


@pytest.fixture(scope="session")
def recordings() -> Path:
    """The folder of recordings, or a skip that says why."""
    folder = Path(os.environ.get("CANHSONG_RECORDINGS", ROOT.parent / "shared" / "recordings"))
    if not any(folder.glob("*.sigmf-meta")):
        pytest.skip(f"no recordings in {folder}: set CANHSONG_RECORDINGS to the folder that holds them")
    return folder


@pytest.fixture(scope="session")
def chromium() -> tuple[str, str]:
    """Paths of Chromium and its driver, or a skip."""
    browser, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not browser or not driver:
        pytest.skip("Chromium is absent: apt-get install chromium chromium-driver")
    return browser, driver


@pytest.fixture(scope="session")
def influxd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Influxd]:
    """A real InfluxDB for the whole run, or a skip."""
    from tests.services.influxdb.influxd import Influxd, influxd_program

    program = influxd_program()
    if program is None:
        pytest.skip("influxd is absent: put it on PATH or name it in CANHSONG_INFLUXD (tests/services/influxdb/build.sh builds it)")
    server = Influxd(program, tmp_path_factory.mktemp("influxd"))
    yield server
    server.stop()
