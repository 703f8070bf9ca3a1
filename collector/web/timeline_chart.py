"""The timeline as an ECharts option: a lane for each track, or, where there are too many, a lane for each band with its hours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from collector.local_time import FIRST_DATED_NS, shift_ms
from collector.store import HOUR_NS, TimelineBucket, TrackRow
from collector.web.coverage_bars import coverage_bars
from collector.web.look import CHART_RIGHT_PX, INK, QUIET, TEAL, axis, plain, snr_colour, tooltip
from collector.words import COVERAGE_WORDS, duration, khz, level, moment, track_name

MAX_LANES: Final = 40
LANE_PX: Final = 26
LABEL_PX: Final = 216
ROOM: Final = 0.02
"""Of the tracks' time, left free on either side."""
_BAR: Final = """(params, api) => {
  const lane = api.value(0), from = api.coord([api.value(1), lane]), to = api.coord([api.value(2), lane]);
  const area = params.coordSys, height = api.size([0, 1])[1] * api.value(3);
  const left = Math.max(from[0], area.x), right = Math.min(Math.max(to[0], from[0] + 3), area.x + area.width);
  if (right < left) return null;
  return {type: 'rect', shape: {x: left, y: from[1] - height / 2, width: Math.max(right - left, 2), height: height, r: 3},
          style: {fill: api.visual('color'), opacity: api.value(4)}};
}"""
Lane = tuple[str, bool]
"""(text, whether it is a heading)."""


def timeline_options(tracks: Sequence[TrackRow], buckets: Sequence[TimelineBucket]) -> tuple[dict[str, Any], int]:
    """Return the option and the chart's height in px: lanes by track while they are few, else by band from the hourly roll-up."""
    dated = [track for track in tracks if track.first_time_ns >= FIRST_DATED_NS] or list(tracks)
    lanes, bars = _track_lanes(dated)
    shown = _span(bars)
    if len(lanes) > MAX_LANES:
        lanes, bars = _band_lanes(buckets)
        shown = _span(bars)
    else:
        bars += coverage_bars(buckets, {text: lane for lane, (text, is_heading) in enumerate(lanes) if is_heading}.get, _heading)
    for bar in bars:
        bar["value"][1] += shift_ms(bar["value"][1] * 1e6)
        bar["value"][2] += shift_ms((bar["value"][2] - 1.0) * 1e6)  # before its end: an hour stays one where clocks change at it
    return _options(lanes, bars, shown=[end + shift_ms(end * 1e6) for end in shown]), max(150, LANE_PX * len(lanes) + 74)


def _track_lanes(tracks: Sequence[TrackRow]) -> tuple[list[Lane], list[dict[str, Any]]]:
    lanes: list[Lane] = []
    bars: list[dict[str, Any]] = []
    group: tuple[str, str | None] | None = None
    firsts: list[tuple[TrackRow, int]] = []
    for track in sorted(tracks, key=lambda t: (t.station, t.band or "~", t.center_freq_hz, t.first_time_ns)):
        if group != (group := (track.station, track.band)):
            lanes.append((_heading(*group), True))
            firsts = []
        lane = next((lane for first, lane in firsts if _same_place(first, track)), None)
        if lane is None:
            lane = len(lanes)
            lanes.append((plain(track_name(track), at_most=34), False))
            firsts.append((track, lane))
        bars += _track_bars(track, lane)
    return lanes, bars


def _same_place(one: TrackRow, other: TrackRow) -> bool:
    """Return whether two tracks are one carrier that came again: same name, centres within half a bandwidth."""
    apart_hz = abs(one.center_freq_hz - other.center_freq_hz)
    return one.label == other.label and apart_hz <= 0.5 * max(one.bandwidth_hz, other.bandwidth_hz)


def _track_bars(track: TrackRow, lane: int) -> list[dict[str, Any]]:
    """Return a bar for what was reported of a track and a paler one for what is known to go on."""
    tip = [
        f"{plain(track.station)} · {plain(track.band or '—')}",
        plain(track_name(track)),
        f"{moment(track.first_time_ns)} · {duration((track.watched_until_ns - track.first_time_ns) / 1e9)}",
        f"{level(track)} · SNR {track.snr_db:.1f} dB · {khz(track.bandwidth_hz)} kHz",
        f"{track.burst_count} × · {100 * track.duty:.0f} %",
    ]
    common = {"itemStyle": {"color": snr_colour(track.snr_db)}, "tip": "\n".join(tip)}
    times_ms = [time_ns / 1e6 for time_ns in (track.first_time_ns, track.last_time_ns, track.watched_until_ns)]
    bars = [{"value": [lane, times_ms[0], times_ms[1], 0.56, 0.95 if track.state == "open" else 0.65], **common}]
    if times_ms[2] > times_ms[1]:
        bars.append({"value": [lane, times_ms[1], times_ms[2], 0.56, 0.5], **common})
    return bars


def _band_lanes(buckets: Sequence[TimelineBucket]) -> tuple[list[Lane], list[dict[str, Any]]]:
    lanes: list[Lane] = []
    bars: list[dict[str, Any]] = []
    most = max((bucket.tracks for bucket in buckets), default=1) or 1
    ordered = sorted(buckets, key=lambda b: (b.station, b.band or "~", b.hour_ns))
    for bucket in ordered:
        name = _heading(bucket.station, bucket.band)
        if not lanes or lanes[-1][0] != name:
            lanes.append((name, False))
        if not bucket.tracks:
            continue
        tip = f"{name}\n{moment(bucket.hour_ns)}\n{bucket.tracks} vệt / tracks · nghe / listened {duration(bucket.listened_s)}"
        bars.append(
            {
                "value": [
                    len(lanes) - 1,
                    bucket.hour_ns / 1e6,
                    (bucket.hour_ns + HOUR_NS) / 1e6,
                    0.7,
                    0.25 + 0.75 * bucket.tracks / most,
                ],
                "itemStyle": {"color": TEAL},
                "tip": f"{tip}\n{COVERAGE_WORDS[bucket.state]}",
            }
        )
    silent = [bucket for bucket in ordered if not bucket.tracks]
    return lanes, bars + coverage_bars(silent, {text: lane for lane, (text, _) in enumerate(lanes)}.get, _heading)


def _heading(station: str, band: str | None) -> str:
    return f"{plain(station, at_most=24)} · {plain(band or 'ngoài băng / no band')}"


def _span(bars: Sequence[dict[str, Any]]) -> list[float]:
    """Return where bars begin and end, with a little room; empty without bars."""
    if not bars:
        return []
    first, last = min(bar["value"][1] for bar in bars), max(bar["value"][2] for bar in bars)
    room = ROOM * (last - first)
    return [first - room, last + room]


def _options(lanes: Sequence[Lane], bars: list[dict[str, Any]], *, shown: Sequence[float]) -> dict[str, Any]:
    """``shown``: what part of the time is in view at first, ms; whole hours of coverage may reach far beyond a minute's tracks."""
    view = dict(zip(("startValue", "endValue"), shown, strict=False))
    styles = {True: {"color": TEAL, "fontWeight": "bold", "fontSize": 12}, False: {"color": INK, "fontSize": 12}}
    return {
        "animation": False,
        "useUTC": True,
        "grid": {"left": LABEL_PX, "right": CHART_RIGHT_PX + 6, "top": 8, "bottom": 62},
        "tooltip": {**tooltip(), ":formatter": "p => p.data.tip"},
        "xAxis": axis(
            type="time",
            min="dataMin",
            max="dataMax",
            splitNumber=6,
            axisLabel={"color": QUIET, "fontSize": 11, "hideOverlap": True, "showMinLabel": False},
        ),
        "yAxis": axis(
            type="category",
            inverse=True,
            data=[{"value": text, "textStyle": styles[heading]} for text, heading in lanes],
            splitLine={"show": False},
            axisTick={"show": False},
            axisLabel={"width": LABEL_PX - 16, "overflow": "truncate", "interval": 0},
        ),
        "dataZoom": [
            {"type": "inside", "filterMode": "none", **view},
            {
                "type": "slider",
                "filterMode": "none",
                "height": 14,
                "bottom": 8,
                "borderColor": "transparent",
                "showDataShadow": False,
                **view,
            },
        ],
        "series": [{"type": "custom", ":renderItem": _BAR, "encode": {"x": [1, 2], "y": 0}, "data": bars}],
    }
