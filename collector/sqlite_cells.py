"""Cells in the store: one row for each identity on each carrier. What a cell says of itself may come bit by bit.

A report without an identity belongs to whatever row on its carrier it does not contradict; a different BSIC, PCI or network identity on the
same carrier is another row, never an overwritten one: that is what the checks look for.
"""

from __future__ import annotations

import sqlite3
from typing import Any, Final

import msgspec

from collector.store import NO_BAND
from config.wire import GsmCellReport, LteCellReport

PLACE_STEP_HZ: Final = 100e3
"""Carriers of both systems lie on a 100 kHz raster."""
_SHOWN: Final = ("status", "freq_hz", "band", "channel", "code", "mcc", "mnc", "area", "cell_id", "snr_db", "power_dbfs")
_IDENTITY: Final = ("code", "mcc", "mnc", "area", "cell_id")
_RANK: Final = {"carrier": 0, "synchronised": 1, "identified": 2}


def put_cell(db: sqlite3.Connection, report: GsmCellReport | LteCellReport) -> None:
    """Add ``report`` to its cell's row, or begin one."""
    cell = facts_of(report)
    rat = "gsm" if isinstance(report, GsmCellReport) else "lte"
    key = (report.station, report.origin, rat, round(cell.pop("place_hz") / PLACE_STEP_HZ))
    columns = ", ".join(_SHOWN)
    rows = db.execute(f"SELECT cell, {columns} FROM cell WHERE station = ? AND origin = ? AND rat = ? AND place = ? ORDER BY cell", key)
    for number, *values in rows.fetchall():
        known = dict(zip(_SHOWN, values, strict=True))
        if all(None in (known[name], cell[name]) or known[name] == cell[name] for name in _IDENTITY):
            merged = {name: known[name] if cell[name] is None else cell[name] for name in _SHOWN}
            merged["status"] = max(known["status"], cell["status"], key=lambda status: _RANK.get(status, -1))
            db.execute(
                f"UPDATE cell SET {', '.join(f'{name} = :{name}' for name in _SHOWN)}, first_time_ns = min(first_time_ns, :at), "
                "last_time_ns = max(last_time_ns, :at), reports = reports + 1 WHERE cell = :cell",
                {**merged, "at": report.start_time_ns, "cell": number},
            )
            return
    db.execute(
        f"INSERT INTO cell(station, origin, rat, place, {columns}, first_time_ns, last_time_ns, reports) "
        f"VALUES ({','.join('?' * (len(key) + len(_SHOWN)))},?,?,1)",
        (*key, *(cell[name] for name in _SHOWN), report.start_time_ns, report.start_time_ns),
    )


def facts_of(report: GsmCellReport | LteCellReport) -> dict[str, Any]:
    """Return what the store keeps of ``report``, by column, and ``place_hz``, which tells carriers apart even without a centre."""
    given: dict[str, Any] = msgspec.to_builtins(report)
    facts = {name: given.get(name) for name in ("freq_hz", "mcc", "mnc", "snr_db", "power_dbfs")}
    facts["status"] = given.get("status") or "carrier"
    facts["band"] = given.get("band") or NO_BAND
    facts["place_hz"] = given.get("freq_hz") or given.get("offset_hz") or 0.0
    if isinstance(report, GsmCellReport):
        return {**facts, "channel": given.get("arfcn"), "code": given.get("bsic"), "area": given.get("lac"), "cell_id": given.get("ci")}
    numbers = given.get("earfcns") or []
    if numbers:
        facts["band"] = f"B{numbers[0]['band']}"
    channel = numbers[0]["earfcn"] if numbers else None
    return {**facts, "channel": channel, "code": given.get("pci"), "area": given.get("tac"), "cell_id": given.get("ci")}
