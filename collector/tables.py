"""Rows as tables on a terminal. Text from stations goes in as plain text: no markup, no control characters."""

from __future__ import annotations

import time
from collections.abc import Sequence

from rich.table import Table
from rich.text import Text

from collector.station_board import StationLine
from collector.store import TimelineBucket, TrackRow
from collector.words import COVERAGE_WORDS, ORIGIN_WORDS, duration, khz, level, mhz, moment

_STATE_WORDS = {"open": "phát / on", "cleared": "tắt / off"}


def track_table(tracks: Sequence[TrackRow]) -> Table:
    """Return a table of tracks."""
    table = _table(
        "Trạm / station", "Băng / band", "MHz", "kHz", "Mức / level", "SNR / dB", "Từ / first", "Dài / length", "", "Tên / label"
    )
    several = len({track.origin for track in tracks}) > 1
    for track in tracks:
        origin = f" ({track.origin})" if several else ""
        table.add_row(
            _plain(track.station + origin),
            _plain(track.band or "—"),
            mhz(track.center_freq_hz, relative=track.relative),
            khz(track.bandwidth_hz),
            level(track),
            f"{track.snr_db:.1f}",
            moment(track.first_time_ns),
            duration((track.last_time_ns - track.first_time_ns) / 1e9),
            _STATE_WORDS[track.state],
            _plain(track.label or ""),
        )
    return table


def bucket_table(buckets: Sequence[TimelineBucket]) -> Table:
    """Return a table of hourly buckets."""
    table = _table(
        "Trạm / station", "Băng / band", "Nguồn gốc / origin", "Giờ / hour", "Vệt / tracks", "Mới / new", "Phát / on", "Nghe / listened", ""
    )
    for bucket in buckets:
        table.add_row(
            _plain(bucket.station),
            _plain(bucket.band or "—"),
            ORIGIN_WORDS[bucket.origin],
            moment(bucket.hour_ns),
            str(bucket.tracks),
            str(bucket.onsets),
            duration(bucket.on_s),
            duration(bucket.listened_s),
            COVERAGE_WORDS[bucket.state],
        )
    return table


def station_table(stations: Sequence[StationLine]) -> Table:
    """Return a table of stations."""
    table = _table(
        *("Trạm / station", "Nối / on", "Nghe lần cuối / last heard", "Cách đây / ago", "Bản tin / records", "Đang chờ / waiting"),
        *("Mất / gaps", "Từ chối / rejected", "Phiên bản / version", "Lệch giờ / clock error", "Nguồn gốc / origins"),
    )
    for one in stations:
        ago = "" if one.heard_ns is None else duration(max(0.0, (time.time_ns() - one.heard_ns) / 1e9))
        table.add_row(
            _plain(one.station),
            "có / yes" if one.connected else "không / no",
            "" if one.heard_ns is None else moment(one.heard_ns),
            ago,
            str(one.records),
            "—" if one.waiting is None else str(one.waiting),
            str(one.gaps),
            str(one.rejected),
            _plain(one.version or "—"),
            _clock(one),
            ", ".join(one.origins),
        )
    return table


def _clock(one: StationLine) -> str:
    """Return how far a station's clock is off as seen from here, and what it says of itself."""
    seen = "—" if one.clock_error_s is None else f"{one.clock_error_s:+.3f} s"
    bound = "" if one.time_error_ms is None else f" ±{one.time_error_ms:g} ms"
    return f"{seen} ({one.time_source}{bound})" if one.time_source else seen


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False)
    for column in columns:
        table.add_column(column.replace(" / ", "\n"), overflow="fold")
    return table


def _plain(text: str) -> Text:
    return Text("".join(character if character.isprintable() else "�" for character in text))
