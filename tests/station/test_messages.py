from __future__ import annotations

import json
import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from config.band_plan import load_band_plan
from config.wire import Header, Position, decode_record, encode_record, to_json
from station.labels import label_of
from station.messages import emission_report, freq, level, spectrum_report
from station.recording import Label
from station.sample_clock import SampleClock
from station.sighting import Sighting
from station.spectrum_log import ThinSpectrum
from station.tracker import TrackEvent

HEADER = Header(station="kit-7", origin="replay", time_source="recording", position=Position(lat_deg=12.7, lon_deg=108.0))
PLAN = load_band_plan()
CLOCK = SampleClock(first_sample=0, start_time_ns=1_000_000_000, sample_rate_hz=2.4e6, time_source="recording")
powers = st.floats(min_value=0.0, max_value=1e9, allow_nan=False)


def event(*, power: float = 1e-3, center_hz: float = 941e6, width_hz: float = 200e3, last_ns: int = 3_000_000_000) -> TrackEvent:
    measured = Sighting(
        center_freq_hz=center_hz,
        lower_freq_hz=center_hz - width_hz / 2,
        upper_freq_hz=center_hz + width_hz / 2,
        bandwidth_hz=width_hz,
        bandwidth_26db_hz=None,
        power=power,
        peak_density=power / 1e5,
        mean_density=power / 1e6,
        floor_density=1e-12,
        snr_db=12.3456,
        first_ns=1_000_000_000,
        last_ns=last_ns,
        on_s=1.0,
        burst_count=1,
        cut_low=False,
        cut_high=True,
    )
    return TrackEvent(
        event="update",
        track_id="0123456789abcdef",
        at_ns=3_000_000_000,
        measured=measured,
        first_ns=1_000_000_000,
        last_ns=last_ns,
        burst_count=2,
        duty=0.5,
    )


def test_a_record_says_in_db_what_was_measured_linear() -> None:
    report = emission_report(event(), header=HEADER, relative=False, plan=PLAN, label="x")
    assert (report.power_dbfs, report.peak_psd_dbfs_hz, report.mean_psd_dbfs_hz, report.floor_psd_dbfs_hz) == (-30.0, -80.0, -90.0, -120.0)
    assert (report.center_freq_hz, report.lower_freq_hz, report.upper_freq_hz) == (941e6, 940.9e6, 941.1e6)
    assert (report.band, report.snr_db, report.duration_s, report.cut_high, report.label) == ("B8", 12.35, 2.0, True, "x")
    assert report.position == HEADER.position


def test_offsets_have_no_band() -> None:
    report = emission_report(event(center_hz=941e6), header=HEADER, relative=True, plan=PLAN)
    assert (report.relative, report.band) == (True, None)


@given(power=powers, center_hz=st.floats(min_value=-6e10, max_value=6e10), width_hz=st.floats(min_value=1.0, max_value=61.44e6))
def test_whatever_is_measured_fits_the_wire_and_is_finite(power: float, center_hz: float, width_hz: float) -> None:
    report = emission_report(event(power=power, center_hz=center_hz, width_hz=width_hz), header=HEADER, relative=True, plan=PLAN)
    assert decode_record(encode_record(report)) == report
    numbers = [value for value in json.loads(to_json(report)).values() if isinstance(value, float)]
    assert all(math.isfinite(value) for value in numbers)


def test_silence_has_a_level() -> None:
    assert level(0.0) == -300.0
    assert freq(1.26) == 1.3


def test_a_spectrum_of_silence_and_of_overload_fits_the_wire() -> None:
    spectrum = ThinSpectrum(
        first_sample=0,
        lower_offset_hz=-1.2e6,
        step_hz=2343.75,
        duration_s=1.0,
        mean=np.zeros(1024),
        max_hold=np.full(1024, 1e9),
        floor=np.full(1024, 1e-12),
    )
    report = spectrum_report(spectrum, header=HEADER, start_time_ns=5, center_freq_hz=941.2e6)
    assert decode_record(encode_record(report)) == report
    assert (report.lower_freq_hz, report.mean_dbfs_hz[0], report.max_dbfs_hz[0], report.floor_dbfs_hz[0]) == (940e6, -300.0, 90.0, -120.0)


def test_samples_become_time_to_the_nanosecond_even_after_a_day() -> None:
    assert CLOCK.time_ns(0) == 1_000_000_000
    assert CLOCK.time_ns(3) == 1_000_001_250
    assert CLOCK.time_ns(2_400_000 * 86_400 + 12) == 86_401_000_005_000


def label(lower_hz: float, upper_hz: float, *, first: int = 0, end: int = 2_400_000, text: str = "x") -> Label:
    return Label(text=text, lower_freq_hz=lower_hz, upper_freq_hz=upper_hz, first_sample=first, end_sample=end)


def test_a_track_is_called_what_fits_it_best() -> None:
    wide, close, beside = label(930e6, 950e6, text="band"), label(940.9e6, 941.12e6, text="cell"), label(941.05e6, 941.3e6, text="other")
    assert label_of(event(), [wide, close, beside], CLOCK) == "cell"
    assert label_of(event(), [wide, beside], CLOCK) == "band"
    assert label_of(event(), [beside], CLOCK) is None


def test_a_label_of_another_time_names_nothing() -> None:
    late = label(940.9e6, 941.1e6, first=24_000_000, end=48_000_000)
    assert label_of(event(), [late], CLOCK) is None
