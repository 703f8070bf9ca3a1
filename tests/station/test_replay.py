from __future__ import annotations

import io
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from config.band_plan import load_band_plan
from config.settings import IdentitySection, StationSettings
from config.wire import from_json
from station.cli import run
from station.output import JsonSink
from station.replay import Replay

Make = Callable[..., Path]
NO_CELLS = StationSettings(identity=IdentitySection(gsm=False, lte=False))


def replayed(path: Path, *, settings: StationSettings = NO_CELLS, realtime: bool = False) -> list[dict[str, Any]]:
    out = io.StringIO()
    job = Replay(settings=settings, plan=load_band_plan(), sink=JsonSink(out), say=pytest.fail, realtime=realtime)
    assert job.path(path, lambda name, total: lambda done: None) == 0
    return [json.loads(line) for line in out.getvalue().splitlines()]


def of_kind(records: list[dict[str, Any]], kind: str) -> list[dict[str, Any]]:
    return [record for record in records if record["kind"] == kind]


def test_a_steady_carrier_is_one_track_where_it_is(make_sigmf: Make) -> None:
    records = replayed(make_sigmf(n_samples=480_000))
    emissions = of_kind(records, "emission")
    assert len({one["track_id"] for one in emissions}) == 1
    assert [one["event"] for one in emissions] == ["onset", "clear"]
    last = emissions[-1]
    assert last["center_freq_hz"] == pytest.approx(941.03e6, abs=100)
    assert last["power_dbfs"] == pytest.approx(-30.0, abs=0.3)
    assert last["floor_psd_dbfs_hz"] == pytest.approx(-40.0 - 53.8, abs=0.5)
    assert (last["band"], last["burst_count"], last["relative"]) == ("B8", 1, False)
    assert last["duration_s"] == pytest.approx(2.0, abs=0.02)


def test_every_line_is_a_record_of_the_wire_contract(make_sigmf: Make) -> None:
    records = replayed(make_sigmf())
    assert {"emission", "spectrum", "summary"} <= {record["kind"] for record in records}
    for record in records:
        decoded = from_json(json.dumps(record))
        assert decoded.station == "station-1"
        assert decoded.origin == "replay"


def test_the_summary_says_what_was_looked_at(make_sigmf: Make) -> None:
    (summary,) = of_kind(replayed(make_sigmf(n_samples=480_000)), "summary")
    assert (summary["lower_freq_hz"], summary["upper_freq_hz"]) == (940.88e6, 941.12e6)
    assert (summary["duration_s"], summary["dwells"], summary["tracks"]) == (2.0, 8, 1)
    assert summary["resolution_hz"] == pytest.approx(240_000 / 4096, abs=0.001)
    assert 0 < summary["pfa"] < 1e-5
    assert summary["floor_source"] in ("free_bins", "assumed")
    assert summary["sensitivity"]
    assert all(one["power_dbfs"] < -50 for one in summary["sensitivity"][:1])
    assert summary["clipped_fraction"] == 0.0
    assert summary["full_scale_known"] is True


def test_samples_beyond_full_scale_make_levels_relative_and_clipping_unjudged(make_sigmf: Make, carrier: Any, encode: Any) -> None:
    loud = (carrier(120_000) * 100).astype("complex64")
    (summary,) = of_kind(replayed(make_sigmf(data=encode(loud, "cf32_le"), sample_format="cf32_le")), "summary")
    assert summary["full_scale_known"] is False
    assert summary["clipped_fraction"] is None
    assert any(note.startswith("full_scale_unknown: ") for note in summary["notes"])


def test_spectra_come_at_once_and_then_every_interval_and_cover_the_span(make_sigmf: Make) -> None:
    spectra = of_kind(replayed(make_sigmf(n_samples=600_000)), "spectrum")
    assert [one["duration_s"] for one in spectra] == [0.25, 1.0, 1.0, 0.25]
    assert [one["start_time_ns"] for one in spectra] == [0, 250_000_000, 1_250_000_000, 2_250_000_000]
    for one in spectra:
        assert len(one["mean_dbfs_hz"]) == len(one["max_dbfs_hz"]) == len(one["floor_dbfs_hz"]) == 1024
        assert one["lower_freq_hz"] == 940.88e6
        peak = max(range(1024), key=one["mean_dbfs_hz"].__getitem__)
        assert one["lower_freq_hz"] + peak * one["step_hz"] == pytest.approx(941.03e6, abs=one["step_hz"])


def test_times_come_from_the_recordings_date(make_sigmf: Make) -> None:
    captures = [{"core:sample_start": 0, "core:frequency": 941e6, "core:datetime": "2026-11-24T10:00:00Z"}]
    records = replayed(make_sigmf(captures=captures))
    assert {record["time_source"] for record in records} == {"recording"}
    assert of_kind(records, "summary")[0]["start_time_ns"] == 1_795_514_400_000_000_000


def test_every_capture_is_a_tuning_of_its_own(make_sigmf: Make) -> None:
    captures = [{"core:sample_start": 0, "core:frequency": 941e6}, {"core:sample_start": 60_000, "core:frequency": 953e6}]
    records = replayed(make_sigmf(captures=captures))
    assert [one["center_freq_hz"] for one in of_kind(records, "summary")] == [941e6, 953e6]
    clears = [one for one in of_kind(records, "emission") if one["event"] == "clear"]
    assert [round(one["center_freq_hz"], -3) for one in clears] == [941.03e6, 953.03e6]
    assert [one["first_time_ns"] for one in clears] == pytest.approx([0, 250_000_000], abs=5_000_000)


def test_a_recordings_own_labels_name_its_tracks(make_sigmf: Make) -> None:
    label = {"core:sample_start": 0, "core:freq_lower_edge": 941.0e6, "core:freq_upper_edge": 941.06e6, "core:label": "pirate"}
    other = {**label, "core:freq_lower_edge": 940.9e6, "core:freq_upper_edge": 940.95e6, "core:label": "elsewhere"}
    assert {one["label"] for one in of_kind(replayed(make_sigmf(annotations=[other, label])), "emission")} == {"pirate"}


@pytest.mark.parametrize("n_samples", [256, 1_000, 5_000, 30_000])
def test_a_recording_shorter_than_a_dwell_is_analysed_with_all_it_has(make_sigmf: Make, n_samples: int) -> None:
    (summary,) = of_kind(replayed(make_sigmf(n_samples=n_samples)), "summary")
    assert summary["dwells"] == 1
    assert summary["duration_s"] == pytest.approx(n_samples / 240_000, abs=1e-6)


def test_dwells_of_a_recording_are_equally_long(make_sigmf: Make) -> None:
    (summary,) = of_kind(replayed(make_sigmf(n_samples=100_000)), "summary")
    assert (summary["dwells"], summary["duration_s"]) == (2, pytest.approx(100_000 / 240_000, abs=1e-6))


def test_a_dead_receiver_gives_an_answer_and_no_emission(make_sigmf: Make) -> None:
    records = replayed(make_sigmf(data=bytes(240_000), sample_format="ci8"))
    assert of_kind(records, "emission") == []
    assert of_kind(records, "summary")[0]["dwells"] == 2


def test_realtime_takes_as_long_as_the_recording(make_sigmf: Make) -> None:
    replayed(make_sigmf(n_samples=24_000))
    began = time.monotonic()
    replayed(make_sigmf(n_samples=240_000), realtime=True)
    assert time.monotonic() - began >= 1.0


def test_json_is_the_same_bytes_from_run_to_run_in_processes_of_their_own(make_sigmf: Make) -> None:
    path = make_sigmf()
    command = [sys.executable, "-m", "station.cli", "replay", "--json", str(path)]
    first, second = (subprocess.run(command, capture_output=True, check=True) for _ in range(2))
    assert first.stdout == second.stdout != b""
    assert first.stderr == b""


def test_the_table_is_in_vietnamese_and_english(
    make_sigmf: Make, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_CONFIG_HOME", "/nonexistent")
    assert run(["replay", str(make_sigmf())]) == 0
    out = capsys.readouterr().out
    assert "Phát xạ / Emissions" in out
    assert "941.0300" in out
    assert "nền nhiễu / noise floor" in out


def test_settings_show_says_where_a_value_comes_from(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "s.toml"
    file.write_text("[analysis]\nn_fft = 2048\n")
    monkeypatch.setenv("CANHSONG_STATION_NAME", "kit-7")
    assert run(["--settings", str(file), "settings", "show"]) == 0
    out = capsys.readouterr().out
    assert f"n_fft = 2048  # {file}" in out
    assert 'name = "kit-7"  # environment: CANHSONG_STATION_NAME' in out
    assert run(["--settings", str(file), "settings", "show", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["settings"]["analysis"]["n_fft"] == 2048


def test_a_wrong_settings_file_is_one_line_and_misuse(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "s.toml"
    file.write_text("[analysis]\nfft = 2048\n")
    assert run(["--settings", str(file), "replay", "x"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert f"{file}: analysis.fft: unknown key" in line


def test_the_version_is_the_distributions(capsys: pytest.CaptureFixture[str]) -> None:
    from importlib.metadata import version

    assert run(["--version"]) == 0
    assert capsys.readouterr().out == f"canhsong-station {version('canhsong')}\n"


def test_a_collector_that_does_not_answer_is_one_line_and_exit_code_one(
    make_sigmf: Make, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CANHSONG_UPLINK_DRAIN_TIMEOUT_S", "0.3")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{nobody.getsockname()[1]}"
        assert run(["replay", "--collector", address, str(make_sigmf())]) == 1
    out, err = capfd.readouterr()
    assert out == ""
    (line,) = err.splitlines()
    assert address in line
    assert "canhsong-collector serve" in line


def test_what_a_replay_waits_for_is_said_while_it_waits(
    make_sigmf: Make, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("station.output.SAY_AFTER_S", 0.2)
    monkeypatch.setenv("CANHSONG_UPLINK_DRAIN_TIMEOUT_S", "0.6")
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        assert run(["replay", "--collector", f"tcp://127.0.0.1:{nobody.getsockname()[1]}", str(make_sigmf())]) == 1
    meanwhile, last = capfd.readouterr().err.splitlines()
    assert meanwhile == f"{last}; trying on, 0.6 s in all"


def test_a_run_without_its_receiver_is_one_line_and_leaves_no_memory_behind(tmp_path: Path) -> None:
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        command = [sys.executable, "-m", "station.cli", "run", "--device", f"rtltcp://127.0.0.1:{nobody.getsockname()[1]}"]
        ended = subprocess.run([*command, "--state", str(tmp_path)], capture_output=True, text=True, check=False, timeout=60)
    assert ended.returncode == 1
    (line,) = ended.stderr.splitlines()
    assert "rtltcp://127.0.0.1" in line


@pytest.mark.parametrize("rate_hz", [200e3, 61.44e6])
def test_the_slowest_and_the_fastest_rate_are_analysed(make_sigmf: Make, carrier: Any, encode: Any, rate_hz: float) -> None:
    data = encode(carrier(400_000, offset_hz=0.125 * rate_hz, rate_hz=rate_hz), "ci16_le")
    path = make_sigmf(data=data, sample_format="ci16_le", sample_rate=rate_hz)
    (onset, clear) = of_kind(replayed(path), "emission")
    assert onset["event"] == "onset"
    assert clear["center_freq_hz"] == pytest.approx(941e6 + 0.125 * rate_hz, abs=rate_hz / 2000)


def test_a_given_start_time_dates_the_records(make_sigmf: Make, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", "--json", "--start-time", "2026-11-24T10:00:00+07:00", "--station", "kit-7", str(make_sigmf())]) == 0
    last = json.loads(capfd.readouterr().out.splitlines()[-1])
    assert (last["start_time_ns"], last["time_source"], last["station"]) == (1_795_489_200_000_000_000, "given", "kit-7")


def test_json_and_a_collector_together_are_misuse(make_sigmf: Make, capfd: pytest.CaptureFixture[str]) -> None:
    assert run(["replay", "--json", "--collector", "tcp://127.0.0.1:1", str(make_sigmf())]) == 2
    (line,) = capfd.readouterr().err.splitlines()
    assert "give one of both" in line
