"""Levels in dBm on the virtual dongle, whose gain is known: 0 dBFS at a gain of 0 dB stands for -20 dBm at its socket."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Band = Callable[..., Any]
FULL_SCALE_DBM = -20.0
SOURCES_MHZ = (929.0, 932.0, 935.0)
UNKNOWN_MHZ, UNKNOWN_DBM = 933.3, -83.0
NOISE_DBFS_HZ = -130.0
ONE_SWEEP = ("--band", "930-934", "--once", "--json", "--ppm", "23.4")
QUIET = {"CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false"}


@pytest.fixture
def station(band: Band, tmp_path: Path) -> Any:
    """A station before carriers of -70 dBm for the calibration, and one that is to be measured."""
    wave = tmp_path / "carrier.cf32"
    np.ones(100_000, np.complex64).tofile(wave)
    levels = dict.fromkeys(SOURCES_MHZ, -70.0) | {UNKNOWN_MHZ: UNKNOWN_DBM}
    lines = [f"source file={wave} format=cf32_le rate=100000 freq={mhz}e6 level_db={dbm - FULL_SCALE_DBM}" for mhz, dbm in levels.items()]
    return band("paced 0", "ppm 23.4", f"noise_dbfs_hz {NOISE_DBFS_HZ}", "dc 0.01 0.01", *lines, scene=False)


@pytest.fixture(scope="module")
def made() -> dict[Path, str]:
    """The table that was made once, by its place in a test's folder: every station here is the same."""
    return {}


@pytest.fixture
def calibrated(station: Any, made: dict[Path, str]) -> Path:
    """The station's table, made with generator and attenuator, as the how-to says."""
    if not made:
        frequencies = [str(mhz) for mhz in SOURCES_MHZ]
        done = station.run("calibrate", "source", *frequencies, "--level", "-40", "--loss", "30", "--sigma", "0.4")
        assert done.returncode == 0, done.stderr
        path: Path = next(station.folder.rglob("levels.toml"))
        made[path.relative_to(station.folder)] = path.read_text()
        return path
    ((place, text),) = made.items()
    (station.folder / place).parent.mkdir(parents=True)
    (station.folder / place).write_text(text)
    return station.folder / place


def emissions(done: Any) -> dict[float, dict[str, Any]]:
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    onsets = [one for one in records if one["kind"] == "emission" and one["event"] == "onset"]
    return {mhz: one for one in onsets for mhz in (UNKNOWN_MHZ, *SOURCES_MHZ) if abs(one["center_freq_hz"] - mhz * 1e6) < 2e3}


@pytest.mark.usefixtures("calibrated")
def test_a_carrier_s_level_comes_out_in_dbm_within_the_stated_uncertainty_by_scan_and_by_watch(station: Any) -> None:
    found = emissions(station.run("scan", *ONE_SWEEP, env=QUIET))[UNKNOWN_MHZ]
    assert 0.4 <= found["dbm_sigma_db"] < 0.6
    assert found["power_dbfs"] + found["dbm_minus_dbfs"] == pytest.approx(UNKNOWN_DBM, abs=found["dbm_sigma_db"])
    watched = station.run("watch", str(UNKNOWN_MHZ), "--for", "0.5", "--json", "--ppm", "23.4")
    readings = [json.loads(line) for line in watched.stdout.splitlines()]
    assert len(readings) == 5
    assert all(abs(one["level_dbm"] - UNKNOWN_DBM) <= one["dbm_sigma_db"] for one in readings)
    shown = station.run("scan", "--band", "930-934", "--once", "--ppm", "23.4", env=QUIET).stdout
    assert f"{UNKNOWN_DBM:.0f}." in shown
    assert "dBm" in shown
    table = station.run("calibrate", "show").stdout
    assert "00000001  29.7 dB  929-935 MHz  (source" in table
    assert "còn hiệu lực đến / holds until" in table


@pytest.mark.usefixtures("calibrated")
def test_health_says_dbm_and_records_outside_the_stated_range_stay_dbfs(station: Any) -> None:
    done = station.run("run", "--band", "930-937", "--json", "--sweeps", "2", "--ppm", "23.4", env=QUIET)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert {one["level_unit"] for one in records if one["kind"] == "health"} == {"dBm"}
    spectra = [one for one in records if one["kind"] == "spectrum"]
    covered = [one for one in spectra if one["lower_freq_hz"] + len(one["mean_dbfs_hz"]) * one["step_hz"] <= 935e6]
    beyond = [one for one in spectra if one not in covered]
    assert covered
    assert beyond
    assert all("dbm_minus_dbfs" in one for one in covered)
    assert all("dbm_minus_dbfs" not in one for one in beyond)


@pytest.mark.parametrize(
    ("change", "arguments", "said"),
    [
        (("expires = ", "expires = 2020-01-02 #"), (), "the table of receiver 00000001 at 29.7 dB expired on 2020-01-02"),
        (('serial = "00000001"', 'serial = "00000077"'), (), "no table for receiver 00000001, only for 00000077"),
        (("", ""), ("--gain", "40.2"), "receiver 00000001 is calibrated at a gain of 29.7 dB, not at 40.2 dB"),
        (("points = [", "points = 7 #["), (), "is not TOML"),
    ],
)
def test_a_table_that_does_not_hold_is_said_in_one_line_and_levels_are_dbfs(
    station: Any, calibrated: Path, change: tuple[str, str], arguments: tuple[str, ...], said: str
) -> None:
    text = calibrated.read_text().replace(*change) if change[0] else calibrated.read_text()
    calibrated.write_text(text.replace("made = ", "made = 2020-01-01 #") if "2020" in change[1] else text)
    done = station.run("scan", *ONE_SWEEP, *arguments, env=QUIET)
    assert [line for line in done.stderr.splitlines() if said in line and "mức là dBFS / levels are dBFS" in line], done.stderr
    assert done.stderr.count(said) == 1
    assert "dbm" not in done.stdout
    assert UNKNOWN_MHZ in emissions(done)
    ran = station.run("run", "--band", "930-934", "--json", "--sweeps", "1", "--ppm", "23.4", *arguments, env=QUIET)
    health = [one for one in map(json.loads, ran.stdout.splitlines()) if one["kind"] == "health"]
    assert {one["level_unit"] for one in health} == {"dBFS"}
    assert any(said in note for one in health for note in one["notes"])


def test_without_a_table_levels_are_dbfs_and_are_called_so(station: Any) -> None:
    done = station.run("scan", "--band", "930-934", "--once", "--ppm", "23.4", env=QUIET)
    assert "dBFS" in done.stdout
    assert "dBm" not in done.stdout + done.stderr
    watched = station.run("watch", str(UNKNOWN_MHZ), "--for", "0.3")
    assert "dBFS" in watched.stdout
    assert "dBm" not in watched.stdout


def test_a_load_of_50_ohm_and_the_noise_figure_give_the_same_offset_within_their_uncertainty(band: Band) -> None:
    # the scene's noise of -130 dBFS/Hz at gain 0 is -150 dBm/Hz: a noise figure of 24 dB
    station = band("paced 0", f"noise_dbfs_hz {NOISE_DBFS_HZ}", scene=False)
    done = station.run("calibrate", "load", "--band", "930-934", "--noise-figure", "23.98", "--sigma", "2", "--json")
    assert done.returncode == 0, done.stderr
    table = json.loads(done.stdout)
    assert (table["lower_mhz"], table["upper_mhz"]) == (927.5, 936.5)
    for point in table["points"]:
        assert point["dbm_minus_dbfs"] == pytest.approx(FULL_SCALE_DBM - 29.7, abs=0.3)
        assert math.isclose(point["sigma_db"], 2.0, abs_tol=0.2)


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("source", "930", "934", "--level", "-40"), 1, "no carrier stands 20 dB over the noise"),
        (("source", "932", "--level", "-40"), 2, "give two frequencies or more"),
        (("source", "929", "932", "--level", "-40", "--out", "/proc/none/levels.toml"), 2, "cannot be written"),
        (("load", "--noise-figure", "6"), 2, "one band at a time"),
    ],
)
def test_what_cannot_be_a_calibration_is_one_line(station: Any, arguments: tuple[str, ...], code: int, said: str) -> None:
    done = station.run("calibrate", *arguments)
    assert done.returncode == code, done.stderr
    assert said in done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert not list(station.folder.rglob("levels.toml")), "nothing half made is left"


@pytest.mark.usefixtures("calibrated")
def test_a_capture_carries_its_calibration_and_replay_of_it_tells_dbm(station: Any) -> None:
    kept = station.run("capture", "932.5", "--for", "0.5", "--out", str(station.folder / "kept"), "--ppm", "23.4")
    assert kept.returncode == 0, kept.stderr
    told = json.loads(Path(kept.stdout.strip()).read_text())["global"]
    assert told["canhsong:dbm_minus_dbfs"] == pytest.approx(FULL_SCALE_DBM - 29.7, abs=0.1)
    again = station.run("replay", "--json", kept.stdout.strip(), env=QUIET)
    found = [one for one in map(json.loads, again.stdout.splitlines()) if one["kind"] == "emission"]
    levels = {
        round(one["center_freq_hz"] / 1e5) / 10: one["power_dbfs"] + one["dbm_minus_dbfs"] for one in found if one["event"] == "onset"
    }
    assert levels[UNKNOWN_MHZ] == pytest.approx(UNKNOWN_DBM, abs=0.6)
    beside = station.run("capture", "935", "--for", "0.2", "--out", str(station.folder / "kept"), "--ppm", "23.4")
    assert "dbm" not in Path(beside.stdout.strip()).read_text(), "half of its span is outside the table's range"
