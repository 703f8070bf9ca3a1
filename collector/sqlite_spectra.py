"""Spectra in the store: the last ones of every station, thinned for a waterfall, and the newest in full."""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from collector.store import Waterfall
from config.wire import SpectrumReport

KEPT_ROWS: Final = 600
THIN_BINS: Final = 256
_STORED: Final = np.dtype("<f4")


def put_spectrum(db: sqlite3.Connection, report: SpectrumReport, *, received: int) -> None:
    """Add ``report`` to the last ``KEPT_ROWS`` of its station and origin."""
    mean = np.asarray(report.mean_dbfs_hz, dtype=_STORED)
    if not len(mean):
        return
    key = (report.station, report.origin)
    number = db.execute(
        "INSERT INTO spectrum(station, origin, relative, lower_freq_hz, step_hz, bins, start_time_ns, thin) VALUES (?,?,?,?,?,?,?,?)",
        (*key, report.relative, report.lower_freq_hz, report.step_hz, len(mean), report.start_time_ns, thinned(mean).tobytes()),
    ).lastrowid
    db.execute(
        "INSERT OR REPLACE INTO last_spectrum VALUES (?,?,?,?,?,?,?)",
        (*key, number, received, mean.tobytes(), _packed(report.max_dbfs_hz), _packed(report.floor_dbfs_hz)),
    )
    db.execute(
        "DELETE FROM spectrum WHERE station = ? AND origin = ? AND spectrum <= coalesce((SELECT spectrum FROM spectrum "
        "WHERE station = ? AND origin = ? ORDER BY spectrum DESC LIMIT 1 OFFSET ?), -1)",
        (*key, *key, KEPT_ROWS),
    )


def thinned(levels: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return ``levels`` with shape (at most ``THIN_BINS``,): the greatest of each group of neighbours, so that a narrow carrier stays."""
    step = -(-len(levels) // THIN_BINS)
    return np.maximum.reduceat(levels, np.arange(0, len(levels), step)).astype(_STORED)


def read_waterfall(db: sqlite3.Connection, stations: tuple[str, ...], origins: tuple[str, ...], *, rows: int) -> Waterfall | None:
    """Return the last ``rows`` spectra of the tuning that was heard last; empty tuples: any."""
    wanted = _in("l.station", stations) + _in("l.origin", origins)
    newest = db.execute(
        "SELECT l.station, l.origin, l.mean, l.peak, l.floor, s.relative, s.lower_freq_hz, s.step_hz, s.bins "
        f"FROM last_spectrum l JOIN spectrum s USING (spectrum) WHERE 1 {wanted} ORDER BY l.received DESC LIMIT 1",
        (*stations, *origins),
    ).fetchone()
    if newest is None:
        return None
    station, origin, mean, peak, floor, relative, lower, step, bins = newest
    found: list[tuple[int, bytes]] = db.execute(
        "SELECT start_time_ns, thin FROM spectrum WHERE station = ? AND origin = ? AND relative = ? AND lower_freq_hz = ? AND step_hz = ? "
        "AND bins = ? ORDER BY spectrum DESC LIMIT ?",
        (station, origin, relative, lower, step, bins, rows),
    ).fetchall()
    found.reverse()
    return Waterfall(
        station=station,
        origin=origin,
        relative=bool(relative),
        lower_freq_hz=lower,
        step_hz=step,
        times_ns=[time_ns for time_ns, _ in found],
        rows_dbfs_hz=[_levels(row) for _, row in found],
        mean_dbfs_hz=_levels(mean),
        max_dbfs_hz=_levels(peak),
        floor_dbfs_hz=_levels(floor),
    )


def _in(column: str, values: tuple[str, ...]) -> str:
    return f" AND {column} IN ({','.join('?' * len(values))})" if values else ""


def _packed(levels: list[float]) -> bytes:
    return np.asarray(levels, dtype=_STORED).tobytes()


def _levels(packed: bytes) -> list[float]:
    levels: list[Any] = np.round(np.frombuffer(packed, dtype=_STORED).astype(np.float64), 2).tolist()
    return levels
