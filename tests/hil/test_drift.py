"""What changes while the station works: the crystal, and the antenna that somebody pulls out. Followed, told, and known to the next run."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

Band = Callable[..., Any]
GSM_HZ, UNLICENSED_HZ, PPM = 944.0e6, 931.3125e6, 23.4
TWO_HOPS = ("--band", "930.8-931.8", "--band", "943.5-944.5", "--json", "--dwell", "0.1")
OFTEN = {
    "CANHSONG_SWEEP_IDENTITY_INTERVAL_S": "1", "CANHSONG_TRACKS_UPDATE_INTERVAL_S": "0.5", "CANHSONG_HEALTH_INTERVAL_S": "0.5",
    "CANHSONG_IDENTITY_LTE": "false", "CANHSONG_CAPTURE_RING_S": "0",
}  # fmt: skip
QUIET = {"CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false", "CANHSONG_CAPTURE_RING_S": "0"}


def health(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [one for one in records if one["kind"] == "health"]


def found_ppm(records: list[dict[str, Any]], ppm: float) -> bool:
    said = health(records)
    return bool(said) and said[-1]["ppm"] is not None and abs(said[-1]["ppm"] - ppm) < 0.2


def carriers(records: list[dict[str, Any]]) -> list[float]:
    """Where the unlicensed carrier was, time after time."""
    emissions = [one for one in records if one["kind"] == "emission" and one["event"] != "clear"]
    return [one["center_freq_hz"] for one in emissions if abs(one["center_freq_hz"] - UNLICENSED_HZ) < 40e3]


def hop_of(hops_hz: set[float], tuned_hz: float) -> float:
    return min(hops_hz, key=lambda hop: abs(hop - tuned_hz))


def test_a_crystal_that_warms_up_is_followed_by_retuning_and_kept_with_time_and_temperature(band: Band) -> None:
    station = band("paced 0")
    child = station.start("run", *TWO_HOPS, env=OFTEN)
    station.wait(lambda records: found_ppm(records, PPM))
    assert carriers(station.records())[-1] == pytest.approx(UNLICENSED_HZ, abs=600.0)
    warmer = PPM + 4.0
    station.command(f"ppm {warmer}")
    station.wait(lambda records: found_ppm(records, warmer))
    seen = len(station.records())
    # what has no identity is where it was all the time: 4 ppm would be 3.7 kHz
    station.wait(lambda records: carriers(records[seen:]) and abs(carriers(records)[-1] - UNLICENSED_HZ) < 600.0)
    station.wait(lambda records: sum(one["kind"] == "spectrum" for one in records[seen:]) >= 4)
    child.terminate()
    assert child.wait(30) == 0
    # and the receiver was tuned for it, not only its figures corrected: the last hop's centre lies low by the whole error
    tuned_hz = json.loads((station.folder / "report.json").read_text())["center_hz"]
    hops = {one["lower_freq_hz"] + one["step_hz"] * len(one["mean_dbfs_hz"]) / 2 for one in station.records() if one["kind"] == "spectrum"}
    assert min(abs(tuned_hz * (1 + warmer * 1e-6) - hop) for hop in hops) < 0.3 * hop_of(hops, tuned_hz) * 1e-6
    kept = json.loads(next(station.folder.rglob("calibration.json")).read_text())["00000001"]
    assert kept["ppm"] == pytest.approx(warmer, abs=0.2)
    assert 0 < kept["sigma_ppm"] < 0.2
    assert kept["n_cells"] == 1
    assert abs(kept["time_ns"] - time.time_ns()) < 120e9
    assert "temperature_c" in kept
    assert health(station.records())[-1]["ppm_time_ns"] == kept["time_ns"]


def test_the_next_run_tunes_by_what_was_kept_from_its_first_hop_on(band: Band) -> None:
    station = band("paced 0")
    assert station.run("scan", "--band", "943.5-944.5", "--once", env={"CANHSONG_IDENTITY_LTE": "false"}).returncode == 0
    done = station.run("scan", "--band", "930.8-931.8", "--once", "--json", env=QUIET)
    records = [json.loads(line) for line in done.stdout.splitlines()]
    assert carriers(records) == [pytest.approx(UNLICENSED_HZ, abs=1e3)], "23.4 ppm would be 21.8 kHz"


def test_an_antenna_that_is_pulled_out_is_told_within_a_run_and_by_the_next_one(band: Band) -> None:
    station = band("paced 0")
    often = QUIET | {"CANHSONG_HEALTH_INTERVAL_S": "0.3"}
    child = station.start("run", "--band", "930.8-931.8", "--json", "--ppm", "23.4", "--dwell", "0.1", env=often)
    station.wait(lambda records: sum(one["floor_change_db"] is not None for one in health(records)) >= 3)
    assert all(abs(one["floor_change_db"] or 0.0) < 1.0 for one in health(station.records()))
    station.command("noise_dbfs_hz -137")
    station.wait(lambda records: any("is the antenna still connected?" in note for one in health(records) for note in one["notes"]))
    station.command("noise_dbfs_hz -130")
    child.terminate()
    assert child.wait(30) == 0
    (station.folder / "control").write_text("noise_dbfs_hz -137\n")
    done = station.run("run", "--band", "930.8-931.8", "--json", "--sweeps", "3", "--ppm", "23.4", "--dwell", "0.1", env=often)
    changes = [one["floor_change_db"] for one in health([json.loads(line) for line in done.stdout.splitlines()])]
    known = [change for change in changes if change is not None]
    assert known, "the run before is remembered"
    assert known[0] == pytest.approx(-7.0, abs=1.5)
    other = station.run("run", "--band", "930.8-931.8", "--json", "--sweeps", "3", "--gain", "40.2", "--ppm", "23.4", env=often)
    first = [one["floor_change_db"] for one in health([json.loads(line) for line in other.stdout.splitlines()])]
    assert all(change is None or abs(change) < 1.0 for change in first), "another gain has a past of its own"
