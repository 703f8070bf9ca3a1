"""The follower that fills ``store.db``: tracks, cells, spectra, and hourly roll-ups written as tables.

Every effect is idempotent on the content: a recording replayed twice is in the store once. A batch, its roll-ups and the cursor are one
transaction.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

import msgspec

from collector.database import transaction
from collector.followers import Heard
from collector.sqlite_cells import put_cell
from collector.sqlite_retention import EVERY_S, prune
from collector.sqlite_rollups import BandHour, put_deaf, roll_up
from collector.sqlite_schema import open_for_writing
from collector.sqlite_spectra import put_spectrum
from collector.station_state import put_capture, put_health
from collector.store import HOUR_NS, NO_BAND
from collector.store_settings import StoreSettings
from config.wire import (
    CaptureAnnouncement,
    EmissionReport,
    GsmCellReport,
    HealthReport,
    LteCellReport,
    OccupancyReport,
    SpectrumReport,
    SummaryReport,
)

FIRST_PRUNE_S: Final = 60.0
CLIPPED_IS_DEGRADED: Final = 0.01
"""From this part of clipped samples on, an hour counts as degraded: intermodulation hides weak carriers."""
MAX_HOURS: Final = 24 * 400
"""A track longer than this is a wrong clock, not a track: its roll-up covers the last hours only."""


class SqliteEffect:
    """What the journal says, as tables. The one writer of its file."""

    name = "sqlite"

    def __init__(self, path: Path, settings: StoreSettings | None = None) -> None:
        """Open the store in ``path``; ``settings``: whose days its days are, and what is let go.

        Raises:
            StorageError: it cannot be opened.
        """
        self._db, self._settings = open_for_writing(path), settings or StoreSettings()
        self._zone, self._prune_s = ZoneInfo(self._settings.time_zone), time.monotonic() + FIRST_PRUNE_S

    def cursor(self) -> int:
        """Return the number of the last journal entry whose effect is committed; 0: none."""
        row = self._db.execute("SELECT entry FROM cursor WHERE name = ?", (self.name,)).fetchone()
        return int(row[0]) if row else 0

    def apply(self, heard: Sequence[Heard], cursor: int) -> None:
        """Commit the effect of ``heard`` and ``cursor`` together, or neither."""
        touched: set[BandHour] = set()
        with transaction(self._db):
            for one in heard:
                touched |= self._put(one)
            self._count(heard)
            roll_up(self._db, touched, self._zone)
            self._db.execute("INSERT OR REPLACE INTO cursor VALUES (?,?)", (self.name, cursor))
        if time.monotonic() >= self._prune_s:
            self._prune_s = time.monotonic() + EVERY_S
            prune(self._db, self._settings, time.time_ns())

    def close(self) -> None:
        """Close the file."""
        self._db.close()

    def _put(self, one: Heard) -> set[BandHour]:
        record = one.record
        if isinstance(record, EmissionReport):
            return self._put_emission(record)
        if isinstance(record, OccupancyReport):
            return self._put_occupancy(record)
        if isinstance(record, SummaryReport):
            return self._put_summary(record)
        if isinstance(record, SpectrumReport):
            put_spectrum(self._db, record, received=one.entry.received_ns)
        elif isinstance(record, GsmCellReport | LteCellReport):
            put_cell(self._db, record)
        elif isinstance(record, HealthReport):
            put_health(self._db, one)
            return put_deaf(self._db, record)
        elif isinstance(record, CaptureAnnouncement):
            put_capture(self._db, record)
        return set()

    def _put_emission(self, report: EmissionReport) -> set[BandHour]:
        band = report.band or NO_BAND
        row = (
            *(report.station, report.track_id, report.origin, band, report.relative, report.label),
            *(report.center_freq_hz, report.lower_freq_hz, report.upper_freq_hz, report.bandwidth_hz, report.power_dbfs, report.snr_db),
            *(report.first_time_ns, report.last_time_ns, report.burst_count, report.duty),
            *("cleared" if report.event == "clear" else "open", report.time_source),
            None if isinstance(report.dbm_minus_dbfs, msgspec.UnsetType) else report.dbm_minus_dbfs,
        )
        before = self._db.execute(
            "SELECT last_time_ns FROM track WHERE station = ? AND track_id = ?", (report.station, report.track_id)
        ).fetchone()
        self._db.execute(f"INSERT OR REPLACE INTO track VALUES ({','.join('?' * len(row))})", row)
        touched: set[BandHour] = set()
        last_hour = report.last_time_ns // HOUR_NS
        since = max(report.first_time_ns, min(before[0], report.last_time_ns) if before else 0)
        for hour in range(max(since // HOUR_NS, last_hour - MAX_HOURS), last_hour + 1):
            begin, end = max(report.first_time_ns, hour * HOUR_NS), min(report.last_time_ns, (hour + 1) * HOUR_NS)
            onset = hour == report.first_time_ns // HOUR_NS
            self._db.execute(
                "INSERT INTO track_hour VALUES (?,?,?,?,?,?,?,?) ON CONFLICT DO UPDATE SET "
                "band = excluded.band, on_s = excluded.on_s, max_power_dbfs = max(max_power_dbfs, excluded.max_power_dbfs)",
                (*row[:2], hour * HOUR_NS, band, report.origin, onset, max(0.0, (end - begin) / 1e9 * report.duty), report.power_dbfs),
            )
            touched.add((report.station, band, report.origin, hour * HOUR_NS))
        return touched

    def _put_occupancy(self, report: OccupancyReport) -> set[BandHour]:
        band = report.band or NO_BAND
        self._db.execute(
            "INSERT INTO occupancy VALUES (?,?,?,?,?,?,?,?,?,NULL,0) ON CONFLICT DO UPDATE SET upper_freq_hz = excluded.upper_freq_hz, "
            "observed_s = excluded.observed_s, fbo = excluded.fbo, sro = excluded.sro",
            (
                *(report.station, report.origin, band, report.start_time_ns),
                *(report.lower_freq_hz, report.upper_freq_hz, report.observed_s, report.fbo, report.sro),
            ),
        )
        return {(report.station, band, report.origin, report.start_time_ns // HOUR_NS * HOUR_NS)}

    def _put_summary(self, report: SummaryReport) -> set[BandHour]:
        """Say of the listening that the summary looks back on how well it was done."""
        sensitivity = min(report.sensitivity, key=lambda one: one.width_hz, default=None)
        found = self._db.execute(
            "UPDATE occupancy SET sensitivity_dbfs = ?, degraded = ? WHERE station = ? AND origin = ? AND start_time_ns BETWEEN ? AND ? "
            "AND upper_freq_hz > ? AND lower_freq_hz < ? RETURNING station, band, origin, start_time_ns",
            (
                *(None if sensitivity is None else sensitivity.power_dbfs, (report.clipped_fraction or 0.0) >= CLIPPED_IS_DEGRADED),
                *(report.station, report.origin, report.start_time_ns, report.start_time_ns + round(report.duration_s * 1e9)),
                *(report.lower_freq_hz, report.upper_freq_hz),
            ),
        ).fetchall()
        return {(station, band, origin, start_ns // HOUR_NS * HOUR_NS) for station, band, origin, start_ns in found}

    def _count(self, heard: Sequence[Heard]) -> None:
        for one in heard:
            record, entry = one.record, one.entry
            self._db.execute(
                "INSERT INTO station VALUES (?,?,?,1) ON CONFLICT DO UPDATE SET "
                "last_received_ns = max(last_received_ns, excluded.last_received_ns), "
                "last_time_ns = max(last_time_ns, excluded.last_time_ns), records = records + 1",
                (entry.station, entry.received_ns, record.start_time_ns),
            )
        self._db.executemany(
            "INSERT INTO origin VALUES (?,?,?) ON CONFLICT DO UPDATE SET last_time_ns = max(last_time_ns, excluded.last_time_ns)",
            [(one.entry.station, one.record.origin, one.record.start_time_ns) for one in heard],
        )
