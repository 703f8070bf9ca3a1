"""What the whole chain says of real recordings: every figure is checked against the recording's own annotations or description."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.xdist_group("replay-recordings")
Records = list[dict[str, Any]]


def replay_json(*arguments: object) -> bytes:
    done = subprocess.run([sys.executable, "-m", "station.cli", "replay", "--json", *map(str, arguments)], capture_output=True, check=False)
    assert done.returncode == 0, done.stderr.decode()
    return done.stdout


@pytest.fixture(scope="module")
def everything(recordings: Path) -> bytes:
    """The output of one run over every recording with default settings."""
    return replay_json(*sorted(recordings.glob("*.sigmf-meta")))


@pytest.fixture(scope="module")
def said(everything: bytes) -> dict[str, Records]:
    """Recording name -> its records: each recording here has one capture, whose summary is its last record."""
    found: dict[str, Records] = {}
    records: Records = []
    for line in everything.splitlines():
        records.append(json.loads(line))
        if records[-1]["kind"] == "summary":
            found[records[-1]["source"].removesuffix(".sigmf-meta")] = records
            records = []
    return found


def tracks(records: Records) -> Records:
    """The last state of every track, by frequency."""
    last = {record["track_id"]: record for record in records if record["kind"] == "emission"}
    assert all(record["event"] == "clear" for record in last.values())
    return sorted(last.values(), key=lambda record: record["center_freq_hz"])


def summary(records: Records) -> dict[str, Any]:
    return records[-1]


def annotations(recordings: Path, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads((recordings / f"{name}.sigmf-meta").read_text())["annotations"]
    return found


@pytest.mark.parametrize("name", ["ism_elektromaten", "ism_enocean", "ism_homematic"])
def test_bursts_of_a_remote_control_are_counted_with_one_default_setting(recordings: Path, said: dict[str, Records], name: str) -> None:
    truth = json.loads((recordings / f"{name}.sigmf-meta").read_text())["global"]["truth:bursts"]
    transmitter = max(tracks(said[name]), key=lambda track: track["power_dbfs"])
    assert transmitter["burst_count"] == truth


def test_at_least_sixty_aircraft_bursts_are_counted(recordings: Path) -> None:
    output = replay_json("--n-fft", 256, "--row-step", 64e-6, "--merge-gap", 1e-4, recordings / "adsb_1090M_2M.sigmf-meta")
    strongest = max(tracks([json.loads(line) for line in output.splitlines()]), key=lambda track: track["power_dbfs"])
    assert 60 <= strongest["burst_count"] < 400


def test_three_gsm_carriers_are_three_emissions_of_their_width(said: dict[str, Records]) -> None:
    found = tracks(said["gsm_3cells_941.2M_2.4M"])
    assert [round(track["center_freq_hz"], -5) for track in found] == [941.0e6, 941.6e6, 942.2e6]
    assert all(235e3 <= track["bandwidth_hz"] <= 255e3 for track in found)
    assert [round(track["power_dbfs"] - found[0]["power_dbfs"]) for track in found] == [0, -12, -25]


def test_one_gsm_carrier_in_a_narrow_span_is_one_emission(said: dict[str, Records]) -> None:
    assert len(tracks(said["gsm_ota_953.6M_500k"])) == 1


def test_an_lte_carrier_with_fading_notches_is_one_emission(recordings: Path, said: dict[str, Records]) -> None:
    (truth,) = annotations(recordings, "lte_ota_1815.3M_19.2M_hackrf")
    (track,) = tracks(said["lte_ota_1815.3M_19.2M_hackrf"])
    assert abs(track["lower_freq_hz"] - truth["core:freq_lower_edge"]) <= 0.3e6
    assert abs(track["upper_freq_hz"] - truth["core:freq_upper_edge"]) <= 0.3e6


def test_a_carrier_beside_one_that_the_span_cuts_is_found_and_the_other_says_that_it_is_cut(said: dict[str, Records]) -> None:
    found = tracks(said["lte_ota_796M_19.2M_hackrf"])
    (whole,) = [track for track in found if track["lower_freq_hz"] < 796e6 < track["upper_freq_hz"]]
    assert abs(whole["lower_freq_hz"] - 791.5e6) <= 0.6e6
    assert abs(whole["upper_freq_hz"] - 800.5e6) <= 0.6e6
    assert not whole["cut_low"]
    assert not whole["cut_high"]
    (above,) = [track for track in found if track["cut_high"]]  # a carrier of 0.2 MHz at 801.2 stands between, 15 dB over the floor
    assert abs(above["lower_freq_hz"] - 801.5e6) <= 0.3e6
    assert above["upper_freq_hz"] == pytest.approx(805.6e6, abs=5e3)


@pytest.mark.parametrize("name", ["lte_enb_pci77_6rb", "lte_ota_6rb_1.92M_srs"])
def test_a_six_block_carrier_has_the_width_of_its_blocks(said: dict[str, Records], name: str) -> None:
    strongest = max(tracks(said[name]), key=lambda track: track["power_dbfs"])
    assert strongest["bandwidth_hz"] == pytest.approx(1.08e6, rel=0.05)


@pytest.mark.parametrize(
    "name", ["lte_ota_1860M_1.92M_rtlsdr", "lte_ota_796M_1.92M_rtlsdr", "lte_tdd_ota_1890M_1.92M_rtlsdr", "lte_ota_50rb_1.92M_srs"]
)
def test_a_span_that_a_carrier_fills_says_that_its_floor_is_assumed(said: dict[str, Records], name: str) -> None:
    told = summary(said[name])
    assert told["floor_source"] == "assumed"
    assert any("signal filling the whole span would be invisible" in note for note in told["notes"])


def test_clipping_is_judged_where_the_converter_is_known_and_nowhere_else(recordings: Path, said: dict[str, Records]) -> None:
    for name, records in said.items():
        told = summary(records)
        info = json.loads((recordings / f"{name}.sigmf-meta").read_text())["global"]
        if info["core:datatype"] != "cf32_le":
            assert told["full_scale_known"]
            assert told["clipped_fraction"] is not None
        else:
            assert told["clipped_fraction"] is None
    assert not summary(said["gsm_ota_953.6M_500k"])["full_scale_known"]


def test_every_recording_has_one_summary_of_its_whole_length(recordings: Path, said: dict[str, Records]) -> None:
    item = {"cu8": 2, "ci8": 2, "ci16_le": 4, "cf32_le": 8}
    for path in recordings.glob("*.sigmf-meta"):
        info = json.loads(path.read_text())["global"]
        n_samples = path.with_suffix(".sigmf-data").stat().st_size // item[info["core:datatype"]]
        assert summary(said[path.name.removesuffix(".sigmf-meta")])["duration_s"] == pytest.approx(
            n_samples / info["core:sample_rate"], abs=1e-6
        )


def test_a_second_run_over_every_recording_gives_the_same_bytes(recordings: Path, everything: bytes) -> None:
    assert replay_json(*sorted(recordings.glob("*.sigmf-meta"))) == everything
