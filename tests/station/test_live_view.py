"""The live view: never larger than the screen, the strongest and the chosen are on it, and it says what is left out."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from config.wire import EmissionReport, GsmCellReport, HealthReport, SpectrumReport
from config.wire.gsm_cell import BlockCounts
from station.live_rows import duration_text
from station.live_view import STEPS, LiveView

NOW_NS = 1_795_489_205 * 10**9
HEAD: dict[str, Any] = {"station": "station-1", "origin": "hil", "time_source": "ntp", "time_error_ms": 2.0}


def emission(number: int, **changed: Any) -> EmissionReport:
    center = 925e6 + number * 1e6
    given: dict[str, Any] = {
        "start_time_ns": NOW_NS, "track_id": f"{number:016x}", "event": "onset", "relative": False, "center_freq_hz": center,
        "lower_freq_hz": center - 5e3, "upper_freq_hz": center + 5e3, "bandwidth_hz": 1e4, "bandwidth_26db_hz": None, "power_dbfs": -50.0,
        "peak_psd_dbfs_hz": -80.0, "mean_psd_dbfs_hz": -90.0, "floor_psd_dbfs_hz": -100.0, "snr_db": 10.0 + number,
        "first_time_ns": NOW_NS - 30 * 10**9, "last_time_ns": NOW_NS, "duration_s": 30.0, "burst_count": 1, "duty": 1.0, "cut_low": False,
        "cut_high": False, "band": "B8",
    }  # fmt: skip
    return EmissionReport(**(HEAD | given | changed))


def cell(number: int) -> GsmCellReport:
    nothing = dict.fromkeys(field for field in GsmCellReport.__struct_fields__ if field not in HEAD)
    known: dict[str, Any] = {
        "start_time_ns": NOW_NS, "status": "identified", "reason": "", "freq_hz": 935e6 + number * 200e3, "offset_hz": 0.0, "bsic": 29,
        "snr_db": 25.0, "power_dbfs": -45.0, "mcc": "452", "mnc": "04", "lac": 20511, "ci": 30151 + number, "taps": [], "si_hex": {},
        "conflicts": [], "blocks_good": BlockCounts(sch=4, bcch=4), "blocks_tried": BlockCounts(sch=4, bcch=4),
    }  # fmt: skip
    for name in ("dbm_minus_dbfs", "dbm_sigma_db", "boot_id", "monotonic_ns", "position"):
        nothing.pop(name, None)
    return GsmCellReport(**(HEAD | nothing | known))


def health(**changed: Any) -> HealthReport:
    given: dict[str, Any] = {
        "start_time_ns": NOW_NS, "receiver": "dongle 00000001", "receiver_open": True, "tuner": "R820T", "driver": "", "version": "x",
        "config_hash": "0" * 16, "gain_db": 29.7, "sweeps": 7, "dwells": 100, "dropped_dwells": 0, "lost_samples": 0,
        "receiver_restarts": 0,
        "clipped_fraction": 0.0, "floor_dbfs_hz": -100.2, "floor_change_db": None, "ppm": 23.4, "ppm_sigma": 0.05, "retune_ms": 5.0,
        "temperature_c": 41.0, "cpu_fraction": 0.5, "disk_free_mib": 2048, "clock_step_s": 0.0, "spool_waiting": 3, "live_dropped": 0,
        "duration_s": 10.0, "notes": [],
    }  # fmt: skip
    return HealthReport(**(HEAD | given | changed))


def spectrum(lower_mhz: float, *, spike_db: float = 0.0, carrier_at: int | None = None) -> SpectrumReport:
    levels = [-100.0] * 1024
    levels[512] += spike_db
    if carrier_at is not None:
        levels[carrier_at] = -60.0
    return SpectrumReport(
        **HEAD, start_time_ns=NOW_NS, relative=False, lower_freq_hz=lower_mhz * 1e6, step_hz=2.4e6 / 1024, duration_s=0.05,
        mean_dbfs_hz=levels, max_dbfs_hz=levels, floor_dbfs_hz=[-100.0] * 1024,
    )  # fmt: skip


def drawn(view: LiveView, columns: int, lines: int) -> list[str]:
    console = Console(width=columns, height=lines, record=True, file=io.StringIO())
    console.print(view.render())
    return console.export_text().splitlines()


@pytest.mark.parametrize(("columns", "lines"), [(80, 24), (120, 40), (60, 16)])
def test_it_is_never_larger_than_the_screen_and_says_what_it_leaves_out(columns: int, lines: int) -> None:
    view = LiveView(size=lambda: (columns, lines), notice="Mở trang / open the page: http://127.0.0.1:8070/")
    view.help = "↑ ↓"
    view.put([spectrum(925.0), spectrum(940.0), *(emission(k) for k in range(40)), *(cell(k) for k in range(20))])
    view.put([health(notes=["x" * 150, "y", "z"])])
    shown = drawn(view, columns, lines)
    assert len(shown) <= lines
    assert max(len(line) for line in shown) <= columns
    text = "\n".join(shown)
    assert "964.0000" in text, "the strongest"
    assert "phát xạ / emissions nữa / more" in text
    assert "ô / cells nữa / more" in text
    assert "R820T 29.7 dB" in text
    assert text.count("452-04") >= 1
    tracks = sum(" B8 " in line for line in shown)
    assert tracks + text.count("452-04") >= lines - 16, "the room is used"


def test_what_there_is_room_for_is_all_shown() -> None:
    view = LiveView(size=lambda: (80, 24))
    view.put([*(emission(k) for k in range(5)), *(cell(k) for k in range(4)), health()])
    text = "\n".join(drawn(view, 80, 24))
    assert [text.count(f"{925 + k}.0000") for k in range(5)] == [1] * 5
    assert text.count("452-04") == 4
    assert "more" not in text
    assert "ppm +23.40±0.05" in text


def test_the_chosen_transmitter_stays_on_the_screen_however_weak_it_is() -> None:
    view = LiveView(size=lambda: (80, 20))
    view.help = "↑ ↓"
    view.put([*(emission(k) for k in range(40)), health()])
    strongest = view.chosen()
    assert strongest is not None
    assert strongest.center_freq_hz == 964e6
    view.move(1)
    chosen = view.chosen()
    assert chosen is not None
    view.put([emission(60 + k, snr_db=60.0) for k in range(40)])
    marked = [line for line in drawn(view, 80, 20) if line.startswith("▶")]
    assert len(marked) == 1
    assert f"{chosen.center_freq_hz / 1e6:.4f}" in marked[0]


def test_levels_are_dbm_where_the_record_says_so_and_durations_go_on() -> None:
    view = LiveView()
    view.put([emission(1, dbm_minus_dbfs=-49.7), emission(2)])
    view.put([health(start_time_ns=NOW_NS + 300 * 10**9, level_unit="dBm")])
    text = "\n".join(drawn(view, 110, 40))
    assert "-99.7 dBm" in text
    assert "-50.0 dBFS" in text
    assert "6 min" in text
    assert "mức/levels dBm" in text
    view.put([emission(1, event="clear")])
    assert "926.0000" not in "\n".join(drawn(view, 110, 40))


def test_a_bar_shows_carriers_and_not_the_receiver_s_own_spike() -> None:
    view = LiveView(size=lambda: (80, 24))
    view.put([spectrum(930.0, spike_db=40.0)])
    (flat,) = [line for line in drawn(view, 80, 24) if line.startswith("930-")]
    assert set(flat[13:].strip()) <= {STEPS[0], STEPS[1]}
    view.put([spectrum(930.0, spike_db=40.0, carrier_at=300)])
    (risen,) = [line for line in drawn(view, 80, 24) if line.startswith("930-")]
    assert STEPS[-1] in risen


def test_a_receiver_that_is_away_is_the_first_word_of_health() -> None:
    view = LiveView()
    view.put([health(receiver_open=False)])
    assert any(line.startswith("MẤT MÁY THU / NO RECEIVER") for line in drawn(view, 110, 40))


def test_before_anything_is_heard_it_says_so() -> None:
    text = "\n".join(drawn(LiveView(), 80, 24))
    assert "nothing heard yet" in text
    assert "the receiver is being opened" in text


@pytest.mark.parametrize(("seconds", "text"), [(3.4, "3 s"), (119, "119 s"), (300, "5 min"), (8000, "2 h")])
def test_durations_are_short(seconds: float, text: str) -> None:
    assert duration_text(seconds) == text
