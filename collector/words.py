"""How frequencies, times and names are written for people: MHz, local time, Vietnamese first."""

from __future__ import annotations

from typing import Final

from collector.local_time import FIRST_DATED_NS, local
from collector.store import TrackRow

COVERAGE_WORDS: Final = {
    "heard": "có / heard",
    "heard_nothing": "nghe, không có gì / heard nothing",
    "not_listening": "không nghe / not listening",
    "degraded": "nghe kém / degraded",
    "tuner_cannot_hear": "ngoài tầm máy / out of the tuner's reach",
}
ORIGIN_WORDS: Final = {
    "live": "trực tiếp / live",
    "replay": "bản ghi / replay",
    "synthetic": "tổng hợp / synthetic",
    "hil": "phần cứng thử / hardware in the loop",
}


def moment(time_ns: int) -> str:
    """Return a time for a table: local date and time, or seconds from the start where the recording has no date."""
    if time_ns < FIRST_DATED_NS:
        return f"+{time_ns / 1e9:.1f} s"
    return local(time_ns).strftime("%Y-%m-%d %H:%M:%S")


def short_moment(time_ns: int, *, now_ns: int) -> str:
    """Return the time alone where it was today, else day and month before it; seconds from the start where there is no date."""
    text = moment(time_ns)
    if time_ns < FIRST_DATED_NS or text[:10] == moment(now_ns)[:10]:
        return text[-8:] if time_ns >= FIRST_DATED_NS else text
    return f"{text[8:10]}/{text[5:7]} {text[11:]}"


def mhz(freq_hz: float, *, relative: bool = False) -> str:
    """Return a frequency in MHz, an offset with its sign."""
    return f"{freq_hz / 1e6:+.4f}" if relative else f"{freq_hz / 1e6:.4f}"


def khz(width_hz: float) -> str:
    """Return a bandwidth in kHz to what it is worth."""
    return f"{width_hz / 1e3:.0f}" if width_hz >= 1e5 else f"{width_hz / 1e3:.1f}"


def duration(seconds: float) -> str:
    """Return a length of time to what it is worth."""
    if seconds < 1.0:
        return f"{seconds * 1e3:.0f} ms"
    if seconds < 120.0:
        return f"{seconds:.1f} s"
    return f"{seconds / 60:.0f} min" if seconds < 7200.0 else f"{seconds / 3600:.1f} h"


def level(track: TrackRow) -> str:
    """Return a track's level with its unit: dBm where its station is calibrated, else dBFS."""
    if track.dbm_minus_dbfs is None:
        return f"{track.power_dbfs:.1f} dBFS"
    return f"{track.power_dbfs + track.dbm_minus_dbfs:.1f} dBm"


def track_name(track: TrackRow) -> str:
    """Return what a track is called on a chart: its frequency, and its label where a scene or an annotation gave one."""
    place = f"{mhz(track.center_freq_hz, relative=track.relative)} MHz"
    return f"{place} · {track.label}" if track.label else place
