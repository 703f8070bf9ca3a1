"""The station on the virtual dongle through unmodified pyrtlsdr: what the scene holds is what is reported."""

from __future__ import annotations

import io
import itertools
import json
import os
import stat
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from config.wire import from_json
from station.live_view import LiveView

Band = Callable[..., Any]
GSM_HZ, LTE_HZ, UNLICENSED_HZ, INTERMITTENT_HZ, PPM = 944.0e6, 953.0e6, 931.3125e6, 938.7e6, 23.4


def of_kind(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [one for one in records if one["kind"] == kind]


def check_scene(records: list[dict[str, Any]], *, intermittent: bool) -> None:
    """Every transmitter of the scene, at its frequency within 1 kHz."""
    gsm = [one for one in of_kind(records, "gsm_cell") if one["status"] == "identified"]
    assert {(one["freq_hz"], one["mcc"], one["mnc"], one["ci"]) for one in gsm} == {(GSM_HZ, "452", "04", 30151)}
    lte = [one for one in of_kind(records, "lte_cell") if one["status"] == "identified"]
    assert {(one["freq_hz"], one["pci"], one["n_rb"], one["mcc"], one["mnc"]) for one in lte} == {(LTE_HZ, 301, 25, "456", "06")}
    assert {(one["sib1_status"], one["sib1_prb"]["start"], one["sib1_prb"]["length"]) for one in lte} == {("decoded", 0, 6)}
    onsets = [one["center_freq_hz"] for one in of_kind(records, "emission") if one["event"] == "onset"]
    assert min(abs(freq - UNLICENSED_HZ) for freq in onsets) < 1e3
    if intermittent:
        assert min(abs(freq - INTERMITTENT_HZ) for freq in onsets) < 1e3
    # and nothing else but what lies beside the LTE carrier's own edges
    known = (GSM_HZ, UNLICENSED_HZ, INTERMITTENT_HZ)
    strangers = [f for f in onsets if min(abs(f - k) for k in known) > 150e3 and abs(f - LTE_HZ) > 4e6]
    assert strangers == []
    assert {one["origin"] for one in records} == {"hil"}


def test_one_scan_finds_every_transmitter_and_the_crystal_s_error(band: Band) -> None:
    station = band("paced 0")
    done = station.run("scan", "--band", "B8", "--once", "--json")
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    check_scene(records, intermittent=False)
    known = json.loads(next(station.folder.rglob("calibration.json")).read_text())
    assert known["00000001"]["ppm"] == pytest.approx(PPM, abs=0.2)
    assert "B8: 925-960 MHz, 19" in done.stderr
    assert {one["source"] for one in of_kind(records, "summary")} == {"B8"}


def test_a_scan_names_the_bands_that_the_tuner_cannot_hear(band: Band) -> None:
    done = band("paced 0").run("scan", "--band", "B3", "--band", "944-945", "--once", "--json", env={"CANHSONG_IDENTITY_GSM": "false"})
    assert done.returncode == 0, done.stderr
    assert "B3: 1805-1880 MHz" in done.stderr
    assert "R820T hears 24-1766 MHz" in done.stderr
    assert any(
        "unheard: B3" in note for one in map(json.loads, done.stdout.splitlines()) if one["kind"] == "summary" for note in one["notes"]
    )


def test_run_reports_the_scene_with_health_and_remembers_the_crystal(band: Band) -> None:
    station = band("paced 0")
    env = {"CANHSONG_CAPTURE_ON_CELL": "true", "CANHSONG_CAPTURE_AFTER_S": "0.2"}
    done = station.run("run", "--band", "B8", "--json", "--sweeps", "6", env=env)
    assert done.returncode == 0, done.stderr
    records = [json.loads(line) for line in done.stdout.splitlines()]
    check_scene(records, intermittent=True)
    health = of_kind(records, "health")[-1]
    assert health["ppm"] == pytest.approx(PPM, abs=0.2)
    assert health["driver"].startswith(station.env["LD_LIBRARY_PATH"])
    assert health["lost_samples"] == 0
    assert health["tuner"] == "R820T"
    view = LiveView()
    view.put([from_json(line) for line in done.stdout.splitlines() if '"event":"clear"' not in line])
    console = Console(width=200, record=True, file=io.StringIO())
    console.print(view.render())
    shown = console.export_text()
    for text in ("944.0000", "452", "301", "931.3125", "R820T", "ppm +23.4"):
        assert text in shown, shown
    kept = of_kind(records, "capture")
    assert any("cell not heard before: 944.0" in one["reason"] for one in kept)
    path = next(station.folder.rglob(f"{kept[0]['capture_id']}.sigmf-data"))
    assert stat.S_IMODE(os.stat(path).st_mode) == 0o600
    assert path.stat().st_size == 2 * kept[0]["n_samples"]


def test_the_csv_of_a_scan_is_what_rtl_power_writes(band: Band) -> None:
    station = band("paced 0")
    out = station.folder / "sweep.csv"
    env = {"CANHSONG_IDENTITY_GSM": "false", "CANHSONG_IDENTITY_LTE": "false"}
    assert station.run("scan", "--band", "930-934", "--once", "--ppm", "23.4", "--csv", str(out), env=env).returncode == 0
    best = (-999.0, 0.0)
    for line in out.read_text().splitlines():
        date, time, low, high, step, samples, *levels = (word.strip() for word in line.split(","))
        assert len(date) == 10
        assert len(time) == 8
        assert int(samples) > 0
        assert float(high) - float(low) == pytest.approx(float(step) * len(levels), abs=0.01 * len(levels))
        k = max(range(len(levels)), key=lambda index: float(levels[index]))
        best = max(best, (float(levels[k]), float(low) + k * float(step)))
    assert best[1] == pytest.approx(UNLICENSED_HZ, abs=5e3)


def test_watch_follows_a_carrier_ten_times_a_second_and_keeps_a_trail(band: Band) -> None:
    station = band("paced 1")
    trail = station.folder / "trail.gpx"
    env = {"CANHSONG_STATION_LAT_DEG": "12.7", "CANHSONG_STATION_LON_DEG": "108.1"}
    done = station.run("watch", "931.3125", "--for", "1.5", "--json", "--ppm", "23.4", "--trail", str(trail), env=env)
    assert done.returncode == 0, done.stderr
    told = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(told) == 15
    apart = [(b["time_ns"] - a["time_ns"]) / 1e9 for a, b in itertools.pairwise(told[2:])]
    assert sum(apart) / len(apart) < 0.2
    assert all(one["level_dbfs"] > one["floor_dbfs"] + 15 for one in told)
    assert trail.read_text().count('<trkpt lat="12.7000000" lon="108.1000000">') == 15


def test_capture_keeps_a_cell_that_replay_identifies(band: Band) -> None:
    station = band("paced 0")
    done = station.run("capture", "944", "--for", "1.5", "--out", str(station.folder / "kept"), "--ppm", "23.4", "--reason", "test")
    assert done.returncode == 0, done.stderr
    meta = Path(done.stdout.strip())
    told = json.loads(meta.read_text())
    assert told["global"]["core:description"] == "test"
    assert stat.S_IMODE(os.stat(meta).st_mode) == 0o600
    again = station.run("replay", "--json", str(meta))
    cells = [one for one in map(json.loads, again.stdout.splitlines()) if one["kind"] == "gsm_cell"]
    assert [(one["freq_hz"], one["ci"]) for one in cells if one["status"] == "identified"] == [(GSM_HZ, 30151)]


def test_doctor_finds_nothing_wrong_and_the_loaded_library_is_the_virtual_one(band: Band) -> None:
    station = band("paced 0")
    done = station.run("doctor", "--band", "B8", "--json")
    found = {one["name"]: one for one in map(json.loads, done.stdout.splitlines())}
    assert found["driver"]["found"].startswith(station.env["LD_LIBRARY_PATH"])
    for name in ("driver", "receiver", "bands", "samples", "overload", "antenna"):
        assert found[name]["verdict"] == "ok", found[name]
    assert done.returncode == (1 if any(one["verdict"] == "fail" for one in found.values()) else 0)


def test_devices_lists_every_dongle_with_what_to_type(band: Band) -> None:
    done = band("serial 7", "serial 8").run("devices")
    assert [line.split()[-1] for line in done.stdout.splitlines()] == ["rtlsdr:7", "rtlsdr:8"]


@pytest.mark.parametrize(
    ("line", "arguments", "said"),
    [
        ("devices 0", ("scan", "--once"), "no RTL-SDR dongle found: plug one in"),
        ("open_error -3", ("scan", "--once"), "no permission to use the dongle: install deploy/60-canhsong-rtlsdr.rules"),
        ("open_error -6", ("scan", "--once"), "another driver or program holds the dongle: sudo rmmod dvb_usb_rtl28xxu"),
        ("", ("scan", "--once", "--device", "rtlsdr:77"), "no dongle '77': there are 0 (serial 00000001)"),
        ("", ("scan", "--once", "--sample-rate-hz", "500000"), "sample rate 500000 Hz: an RTL-SDR gives 225001 to 300000 and 900001"),
        ("", ("scan", "--once", "--device", "hackrf"), "receiver address 'hackrf': known are rtlsdr"),
        ("", ("scan", "--once", "--band", "B3"), "nothing to hear: B3: R820T hears 24-1766 MHz"),
        ("", ("scan", "--once", "--band", "B99"), "no band 'B99': known are"),
    ],
)
def test_what_is_wrong_is_one_line_that_says_what_to_do(band: Band, line: str, arguments: tuple[str, ...], said: str) -> None:
    done = band(line, scene=False).run(*arguments)
    lines = done.stderr.strip().splitlines()
    assert len(lines) == 1, done.stderr
    assert said in lines[0]
    assert done.returncode in (1, 2)


def test_an_old_driver_library_is_one_line_that_says_what_to_install(band: Band) -> None:
    station = band()
    program = "import ctypes.util, sys; ctypes.util.find_library = lambda n: None; sys.argv = ['canhsong-station', 'devices']\n"
    old = station.folder / "old"
    old.mkdir()
    source = old / "empty.c"
    source.write_text("unsigned rtlsdr_get_device_count(void) { return 0; }\n")
    import subprocess

    subprocess.run([os.environ.get("CC", "cc"), "-shared", "-fPIC", "-o", str(old / "librtlsdr.so"), str(source)], check=True)
    done = subprocess.run(
        [sys.executable, "-c", program + "from station.cli import main; main()"],
        env=station.env | {"LD_LIBRARY_PATH": str(old)}, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1
    assert "the driver library is too old for pyrtlsdr" in done.stderr
    assert "pip install 'pyrtlsdr[lib]'" in done.stderr
