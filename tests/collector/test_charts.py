"""What the page's charts are told: lanes, bars, levels; and that text from stations can only be drawn as text."""

from __future__ import annotations

import base64
import json
import struct
import zlib
from typing import Any

import numpy as np
import pytest

from collector.store import HOUR_NS, TimelineBucket, TrackRow, Waterfall
from collector.web.filters import Filters, from_address
from collector.web.look import plain
from collector.web.png import level_picture
from collector.web.spectrum_chart import POINTS, spectrum_options, waterfall_picture
from collector.web.timeline_chart import MAX_LANES, timeline_options
from tests.end_to_end.running import T0_NS

ZONE_MS = 7 * 3600 * 1000
HOSTILE = "<img src=x onerror=alert(1)> {a|b} \x1b\n"


def track(number: int = 0, **changes: Any) -> TrackRow:
    fields: dict[str, Any] = {
        "station": "a",
        "track_id": f"{number:016x}",
        "origin": "synthetic",
        "band": "B8",
        "relative": False,
        "label": None,
        "center_freq_hz": 941e6 + number * 1e6,
        "lower_freq_hz": 0.0,
        "upper_freq_hz": 0.0,
        "bandwidth_hz": 2e5,
        "power_dbfs": -40.0,
        "snr_db": 20.0,
        "first_time_ns": T0_NS,
        "last_time_ns": T0_NS + 10**10,
        "watched_until_ns": T0_NS + 10**10,
        "burst_count": 1,
        "duty": 1.0,
        "state": "cleared",
        "time_source": "given",
    }
    return TrackRow(**{**fields, **changes})


def bucket(number: int, **changes: Any) -> TimelineBucket:
    fields: dict[str, Any] = {
        "station": "a",
        "band": "B8",
        "origin": "live",
        "hour_ns": (T0_NS // HOUR_NS + number) * HOUR_NS,
        "tracks": 3,
        "onsets": 1,
        "on_s": 10.0,
        "max_power_dbfs": -40.0,
        "listened_s": 3600.0,
        "sensitivity_dbfs": None,
        "state": "heard",
    }
    return TimelineBucket(**{**fields, **changes})


def bars(options: dict[str, Any]) -> list[dict[str, Any]]:
    (series,) = options["series"]
    found: list[dict[str, Any]] = series["data"]
    return found


def test_each_track_has_its_lane_under_its_station_and_band() -> None:
    options, _ = timeline_options([track(2, band="B3"), track(1), track(0), track(0, track_id="f" * 16, first_time_ns=T0_NS + 2)], [])
    lanes = [lane["value"] for lane in options["yAxis"]["data"]]
    assert lanes == ["a · B3", "943.0000 MHz", "a · B8", "941.0000 MHz", "942.0000 MHz"]
    assert [bar["value"][0] for bar in bars(options)] == [1, 3, 3, 4]


def test_times_are_drawn_in_vietnam_and_a_recording_without_a_date_from_its_start() -> None:
    (dated,) = bars(timeline_options([track()], [])[0])
    assert dated["value"][1] == T0_NS / 1e6 + ZONE_MS
    (undated,) = bars(timeline_options([track(first_time_ns=0, last_time_ns=5 * 10**9, watched_until_ns=5 * 10**9)], [])[0])
    assert undated["value"][1:3] == [0.0, 5000.0]


def test_an_open_track_goes_on_in_a_paler_bar() -> None:
    sure, likely = bars(timeline_options([track(state="open", watched_until_ns=T0_NS + 3 * 10**10)], [])[0])
    assert sure["value"][2] == likely["value"][1]
    assert likely["value"][4] < sure["value"][4]


def test_a_minute_of_tracks_is_in_view_and_not_lost_in_the_hours_of_its_coverage() -> None:
    options, _ = timeline_options(
        [track(first_time_ns=T0_NS, last_time_ns=T0_NS + 10**10, watched_until_ns=T0_NS + 6 * 10**10)], [bucket(0)]
    )
    assert max(bar["value"][2] - bar["value"][1] for bar in bars(options)) == 3_600_000.0
    for zoom in options["dataZoom"]:
        assert 60_000.0 <= zoom["endValue"] - zoom["startValue"] < 70_000.0
        assert zoom["startValue"] < T0_NS / 1e6 + ZONE_MS < zoom["endValue"]


def test_many_tracks_are_drawn_from_the_roll_up() -> None:
    many = [track(number) for number in range(MAX_LANES)]
    options, _ = timeline_options(many, [bucket(0), bucket(1, tracks=0), bucket(0, band="B3")])
    assert [lane["value"] for lane in options["yAxis"]["data"]] == ["a · B3", "a · B8"]
    assert len(bars(options)) == 3
    heard, quiet = (bar["value"][3] for bar in bars(options)[1:])
    assert heard > quiet > 0


def test_charts_draw_text_and_run_only_what_this_program_wrote() -> None:
    options, _ = timeline_options([track(label=HOSTILE, station="x{b|c}")], [])
    functions = [value for key, value in walk(options) if key.startswith(":")]
    assert len(functions) == 2
    assert not any("onerror" in function for function in functions)
    assert options["tooltip"]["renderMode"] == "richText"
    shown = [value for key, value in walk(options) if key in ("value", "tip") and isinstance(value, str)]
    assert not any(character in text for text in shown for character in "{}|\x1b")
    assert plain("é" * 100) == "é" * 59 + "…"


def walk(value: Any, key: str = "") -> list[tuple[str, Any]]:
    if isinstance(value, dict):
        return [pair for name, inner in value.items() for pair in walk(inner, str(name))]
    if isinstance(value, list):
        return [pair for inner in value for pair in walk(inner, key)]
    return [(key, value)]


def fall(bins: int = 1024, rows: int = 5) -> Waterfall:
    levels = [-120.0] * bins
    levels[bins // 3] = -60.0
    return Waterfall(
        station="a",
        origin="live",
        relative=False,
        lower_freq_hz=940.8e6,
        step_hz=2.4e6 / bins,  # type: ignore[arg-type]
        times_ns=[T0_NS + n * 10**9 for n in range(rows)],
        rows_dbfs_hz=[[-120.0 + n] * 256 for n in range(rows)],
        mean_dbfs_hz=levels,
        max_dbfs_hz=levels,
        floor_dbfs_hz=[-120.0] * bins,
    )


def test_a_spectrum_is_thinned_and_keeps_its_narrow_carrier_in_place() -> None:
    options = spectrum_options(fall(bins=4096))
    mean = next(series for series in options["series"] if "mean" in series["name"])["data"]
    assert len(mean) <= POINTS
    freq_mhz, level = max(mean, key=lambda point: point[1])
    assert level == -60.0
    assert freq_mhz == pytest.approx(940.8 + 2.4 * (4096 // 3) / 4096, abs=2.4 / POINTS)
    assert len(json.dumps(options)) < 60_000


def test_the_waterfall_is_a_picture_with_the_newest_row_on_top() -> None:
    head, _, data = waterfall_picture(fall(rows=40)).partition(",")
    assert head == "data:image/png;base64"
    picture = decode(base64.b64decode(data))
    assert picture.shape == (40, 256)
    assert picture[0, 0] > picture[-1, 0]


def test_a_picture_is_a_valid_png_of_its_levels() -> None:
    rows = np.array([[0.0, 50.0, 100.0], [np.nan, -10.0, 1000.0]])
    assert decode(level_picture(rows, low_db=0.0, high_db=100.0)).tolist() == [[0, 128, 255], [0, 0, 255]]


def decode(png: bytes) -> np.ndarray[Any, Any]:
    """Read a PNG of colour type 3 by its specification; every checksum is checked."""
    assert png[:8] == b"\x89PNG\r\n\x1a\n"
    at, chunks = 8, {}
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        name, content = png[at + 4 : at + 8], png[at + 8 : at + 8 + length]
        assert struct.unpack(">I", png[at + 8 + length : at + 12 + length])[0] == zlib.crc32(name + content)
        chunks[name], at = content, at + 12 + length
    width, height, depth, colour, *_ = struct.unpack(">IIBBBBB", chunks[b"IHDR"])
    assert (depth, colour, len(chunks[b"PLTE"])) == (8, 3, 768)
    return np.frombuffer(zlib.decompress(chunks[b"IDAT"]), np.uint8).reshape(height, width + 1)[:, 1:]


def test_the_address_of_the_page_is_checked() -> None:
    assert from_address(["synthetic", "alien"], ["a"] * 3, ["x" * 100, "B8"], "99y") == Filters(
        origins=("synthetic",), stations=("a",), bands=("B8",), span=""
    )
    assert Filters().query().origins == ("live",)
    assert Filters(span="5m").query().since_ns > T0_NS // 2


def test_a_carrier_that_comes_again_keeps_its_lane() -> None:
    again = [track(0, track_id=f"{n:016x}", center_freq_hz=941e6 + n, first_time_ns=T0_NS + n, label="x") for n in range(100)]
    options, _ = timeline_options([*again, track(0, center_freq_hz=941e6, label="y")], [])
    assert [lane["value"] for lane in options["yAxis"]["data"]] == ["a · B8", "941.0000 MHz · x", "941.0000 MHz · y"]
    assert len(bars(options)) == 101
