"""What stations say of themselves in ``store.db``: the latest health of each, and the captures that they announced.

Table ``health`` has one row a station and origin: the one place for "how is that station" (command, page, metrics). It holds the whole
report as JSON; ``SqliteStore.healths`` gives it typed.
"""

from __future__ import annotations

import sqlite3

import msgspec

from collector.followers import Heard
from config.wire import CaptureAnnouncement, HealthReport

SCHEMA = """
CREATE TABLE IF NOT EXISTS health(station TEXT NOT NULL, origin TEXT NOT NULL, start_time_ns INTEGER NOT NULL,
    received_ns INTEGER NOT NULL, spool_id TEXT NOT NULL, report TEXT NOT NULL, PRIMARY KEY(station, origin)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS capture(station TEXT NOT NULL, capture_id TEXT NOT NULL, origin TEXT NOT NULL, reason TEXT NOT NULL,
    center_freq_hz REAL NOT NULL, sample_rate_hz REAL NOT NULL, start_time_ns INTEGER NOT NULL, duration_s REAL NOT NULL,
    n_samples INTEGER NOT NULL, n_segments INTEGER NOT NULL, sha256 TEXT NOT NULL, meta_sha256 TEXT, task_id TEXT,
    PRIMARY KEY(station, capture_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS capture_by_time ON capture(origin, start_time_ns);
"""


def put_health(db: sqlite3.Connection, one: Heard) -> None:
    """Keep a health report as its station's latest, unless it comes late out of another spool than the one that is kept."""
    record, entry = one.record, one.entry
    assert isinstance(record, HealthReport)
    row = (entry.station, record.origin, record.start_time_ns, entry.received_ns, entry.spool_id, msgspec.json.encode(record).decode())
    db.execute(
        "INSERT INTO health VALUES (?,?,?,?,?,?) ON CONFLICT DO UPDATE SET start_time_ns = excluded.start_time_ns, "
        "received_ns = excluded.received_ns, spool_id = excluded.spool_id, report = excluded.report "
        "WHERE excluded.spool_id = spool_id OR excluded.start_time_ns >= start_time_ns",
        row,
    )


def put_capture(db: sqlite3.Connection, record: CaptureAnnouncement) -> None:
    """Keep what a station said it has; said again it changes nothing."""
    db.execute(
        f"INSERT OR IGNORE INTO capture VALUES ({','.join('?' * 13)})",
        (
            *(record.station, record.capture_id, record.origin, record.reason, record.center_freq_hz, record.sample_rate_hz),
            *(record.start_time_ns, record.duration_s, record.n_samples, record.n_segments, record.sha256),
            *(record.meta_sha256, record.task_id),
        ),
    )
