"""The tables of ``store.db``. It is rebuilt from the journal: a changed schema is a new file (``store_renewal``), not a migration."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from collector import station_state
from collector.errors import StorageError

SCHEMA_VERSION: Final = 3

_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS cursor(name TEXT PRIMARY KEY, entry INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS station(station TEXT PRIMARY KEY, last_received_ns INTEGER NOT NULL, last_time_ns INTEGER NOT NULL,
    records INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS origin(station TEXT NOT NULL, origin TEXT NOT NULL, last_time_ns INTEGER NOT NULL,
    PRIMARY KEY(station, origin)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS track(station TEXT NOT NULL, track_id TEXT NOT NULL, origin TEXT NOT NULL, band TEXT NOT NULL,
    relative INTEGER NOT NULL, label TEXT, center_freq_hz REAL NOT NULL, lower_freq_hz REAL NOT NULL, upper_freq_hz REAL NOT NULL,
    bandwidth_hz REAL NOT NULL, power_dbfs REAL NOT NULL, snr_db REAL NOT NULL, first_time_ns INTEGER NOT NULL,
    last_time_ns INTEGER NOT NULL, burst_count INTEGER NOT NULL, duty REAL NOT NULL, state TEXT NOT NULL, time_source TEXT NOT NULL,
    dbm_minus_dbfs REAL, PRIMARY KEY(station, track_id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS track_by_time ON track(origin, last_time_ns);
CREATE INDEX IF NOT EXISTS track_by_station ON track(station, origin, last_time_ns);
CREATE INDEX IF NOT EXISTS track_open ON track(origin, station, last_time_ns) WHERE state = 'open';
CREATE TABLE IF NOT EXISTS track_hour(station TEXT NOT NULL, track_id TEXT NOT NULL, hour_ns INTEGER NOT NULL, band TEXT NOT NULL,
    origin TEXT NOT NULL, onset INTEGER NOT NULL, on_s REAL NOT NULL, max_power_dbfs REAL NOT NULL,
    PRIMARY KEY(station, track_id, hour_ns)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS track_hour_by_band ON track_hour(station, band, origin, hour_ns);

CREATE TABLE IF NOT EXISTS occupancy(station TEXT NOT NULL, origin TEXT NOT NULL, band TEXT NOT NULL, start_time_ns INTEGER NOT NULL,
    lower_freq_hz REAL NOT NULL, upper_freq_hz REAL NOT NULL, observed_s REAL NOT NULL, fbo REAL NOT NULL, sro REAL NOT NULL,
    sensitivity_dbfs REAL, degraded INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY(station, origin, band, start_time_ns, lower_freq_hz)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS band_hour(station TEXT NOT NULL, band TEXT NOT NULL, origin TEXT NOT NULL, hour_ns INTEGER NOT NULL,
    tracks INTEGER NOT NULL, onsets INTEGER NOT NULL, on_s REAL NOT NULL, max_power_dbfs REAL,
    listened_s REAL NOT NULL, sensitivity_dbfs REAL, degraded INTEGER NOT NULL, deaf INTEGER NOT NULL,
    PRIMARY KEY(station, band, origin, hour_ns)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS band_day(station TEXT NOT NULL, band TEXT NOT NULL, origin TEXT NOT NULL, day_ns INTEGER NOT NULL,
    tracks INTEGER NOT NULL, onsets INTEGER NOT NULL, on_s REAL NOT NULL, max_power_dbfs REAL,
    listened_s REAL NOT NULL, sensitivity_dbfs REAL, degraded INTEGER NOT NULL, deaf INTEGER NOT NULL,
    PRIMARY KEY(station, band, origin, day_ns)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS band_span(station TEXT NOT NULL, band TEXT NOT NULL, origin TEXT NOT NULL, first_hour_ns INTEGER NOT NULL,
    last_hour_ns INTEGER NOT NULL, PRIMARY KEY(station, band, origin)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS deaf_hour(station TEXT NOT NULL, band TEXT NOT NULL, origin TEXT NOT NULL, hour_ns INTEGER NOT NULL,
    whole INTEGER NOT NULL, PRIMARY KEY(station, band, origin, hour_ns)) WITHOUT ROWID;

CREATE TABLE IF NOT EXISTS cell(cell INTEGER PRIMARY KEY, station TEXT NOT NULL, origin TEXT NOT NULL, rat TEXT NOT NULL,
    place INTEGER NOT NULL, status TEXT NOT NULL, freq_hz REAL, band TEXT NOT NULL, channel INTEGER, code INTEGER, mcc TEXT, mnc TEXT,
    area INTEGER, cell_id INTEGER, snr_db REAL, power_dbfs REAL, first_time_ns INTEGER NOT NULL, last_time_ns INTEGER NOT NULL,
    reports INTEGER NOT NULL);
CREATE INDEX IF NOT EXISTS cell_by_place ON cell(station, origin, rat, place);

CREATE TABLE IF NOT EXISTS spectrum(spectrum INTEGER PRIMARY KEY, station TEXT NOT NULL, origin TEXT NOT NULL, relative INTEGER NOT NULL,
    lower_freq_hz REAL NOT NULL, step_hz REAL NOT NULL, bins INTEGER NOT NULL, start_time_ns INTEGER NOT NULL, thin BLOB NOT NULL);
CREATE INDEX IF NOT EXISTS spectrum_by_time ON spectrum(station, origin, start_time_ns);
CREATE TABLE IF NOT EXISTS last_spectrum(station TEXT NOT NULL, origin TEXT NOT NULL, spectrum INTEGER NOT NULL, received INTEGER NOT NULL,
    mean BLOB NOT NULL, peak BLOB NOT NULL, floor BLOB NOT NULL, PRIMARY KEY(station, origin)) WITHOUT ROWID;
"""


def open_for_writing(path: Path) -> sqlite3.Connection:
    """Return a connection to the store in ``path``, made where it is absent. Its caller is its one writer.

    Raises:
        StorageError: it cannot be opened or is of another version.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        db = sqlite3.connect(path, isolation_level=None, timeout=10.0)
        path.chmod(0o600)
        db.execute("PRAGMA journal_mode=WAL")
        db.execute("PRAGMA synchronous=NORMAL")  # what a power cut takes comes again from the journal: the cursor goes back with it
        version = db.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, SCHEMA_VERSION):
            raise StorageError(f"{path}: the store is of version {version}, this program makes {SCHEMA_VERSION}; {_advice(version)}")
        db.executescript(_SCHEMA + station_state.SCHEMA)
        db.execute(f"PRAGMA user_version = {SCHEMA_VERSION}")
    except (OSError, sqlite3.Error) as error:
        raise StorageError(f"{path}: the store cannot be opened: {error}; check the folder's permissions and the disk") from error
    return db


def _advice(version: int) -> str:
    if version < SCHEMA_VERSION:
        return "start `canhsong-collector serve` anew: it puts the file aside and makes a new one from the journal"
    return "a newer program made it: upgrade this one, or move the file away and it is made again from the journal"


def open_for_reading(path: Path) -> sqlite3.Connection:
    """Return a read-only connection to the store in ``path``; it may be used from any thread, one at a time.

    Raises:
        StorageError: there is none, or it cannot be read.
    """
    if not path.is_file():
        raise StorageError(f"{path}: no store there: start `canhsong-collector serve` once, or name its folder with --data")
    try:
        db = sqlite3.connect(f"{path.absolute().as_uri()}?mode=ro", uri=True, timeout=10.0, isolation_level=None, check_same_thread=False)
        db.execute("PRAGMA mmap_size=1073741824")  # pages are read where they are, not copied
        return db
    except sqlite3.Error as error:
        raise StorageError(f"{path}: the store cannot be opened: {error}") from error
