"""Levels of one receiver in dBm where a calibration holds: what every record that carries levels is given on its way out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Literal

import msgspec

from config.settings import StationSettings
from config.wire import AnyRecord, EmissionReport, GsmCellReport, LevelRecord, LteCellReport, SpectrumReport, SummaryReport
from station.errors import MisuseError
from station.level_table import FILE_NAME, LevelTable, Receiver, chosen, load_tables
from station.state_folder import state_folder

TODO = "mức là dBFS / levels are dBFS: docs/how-to/calibrate.md"


@dataclass(frozen=True, slots=True, kw_only=True)
class Levels:
    """The calibrations of the open receiver at its gain. ``problem``: why there is none although a file is there; one line."""

    tables: tuple[LevelTable, ...] = ()
    path: Path | None = None
    receiver: Receiver | None = None
    broken: str = ""

    def problem(self, time_ns: int) -> str:
        """Return why levels are dBFS at ``time_ns`` although there is a file, and what to do, in one line; empty: nothing is wrong."""
        why = self.broken
        if not why and self.path is not None and self.receiver is not None:
            why = chosen(self.tables, self.receiver, day_of(time_ns))[1]
            why = why and f"{self.path}: {why}"
        return why and f"{why}: {TODO}"

    def unit(self, time_ns: int) -> Literal["dBFS", "dBm"]:
        """Return what levels are in at ``time_ns``, where the calibration reaches."""
        return "dBm" if self._holding(time_ns) else "dBFS"

    def at(self, freq_hz: float, time_ns: int) -> tuple[float, float] | None:
        """Return dBm - dBFS at one frequency and its standard deviation; None: not calibrated there and then."""
        return next((found for table in self._holding(time_ns) if (found := table.at(freq_hz)) is not None), None)

    def over(self, lower_hz: float, upper_hz: float, time_ns: int) -> tuple[float, float] | None:
        """Return the same for a whole span."""
        return next((found for table in self._holding(time_ns) if (found := table.over(lower_hz, upper_hz)) is not None), None)

    def applied(self, records: Iterable[AnyRecord]) -> list[AnyRecord]:
        """Return ``records``, those that carry levels with what makes dBm of them."""
        return [self._applied(one) for one in records] if self.tables else list(records)

    def _applied(self, one: AnyRecord) -> AnyRecord:
        found = None
        if isinstance(one, EmissionReport) and not one.relative:
            found = self.at(one.center_freq_hz, one.start_time_ns)
        elif isinstance(one, GsmCellReport | LteCellReport) and one.freq_hz is not None:
            found = self.at(one.freq_hz, one.start_time_ns)
        elif isinstance(one, SpectrumReport) and not one.relative:
            found = self.over(one.lower_freq_hz, one.lower_freq_hz + one.step_hz * len(one.mean_dbfs_hz), one.start_time_ns)
        elif isinstance(one, SummaryReport) and not one.relative:
            found = self.over(one.lower_freq_hz, one.upper_freq_hz, one.start_time_ns)
        if found is None:
            return one
        return msgspec.structs.replace(one, dbm_minus_dbfs=round(found[0], 2), dbm_sigma_db=round(found[1], 2))

    def _holding(self, time_ns: int) -> tuple[LevelTable, ...]:
        if self.receiver is None or not self.tables:
            return ()
        return chosen(self.tables, self.receiver, day_of(time_ns))[0]


def levels_of(settings: StationSettings, *, serial: str, gain_db: float) -> Levels:
    """Return the levels of the receiver that is open; a file that cannot be used is told, and levels stay dBFS.

    A file of the settings that is not there is a fault; that of the state folder need not be.
    """
    named = settings.receiver.level_table
    path = Path(named) if named is not None else state_folder(settings) / FILE_NAME
    if named is None and not path.exists():
        return Levels()
    receiver = Receiver(serial=serial or settings.receiver.address, gain_db=gain_db)
    try:
        return Levels(tables=load_tables(path), path=path, receiver=receiver)
    except MisuseError as error:
        return Levels(path=path, receiver=receiver, broken=str(error))


def with_dbm(records: Iterable[AnyRecord], dbm: tuple[float, float] | None) -> Iterator[AnyRecord]:
    """Yield ``records``, those that carry levels with what makes dBm of them; None: as they are."""
    for one in records:
        known = dbm is not None and isinstance(one, LevelRecord)
        yield msgspec.structs.replace(one, dbm_minus_dbfs=dbm[0], dbm_sigma_db=dbm[1]) if known and dbm is not None else one


def day_of(time_ns: int) -> date:
    """Return the calendar day, UTC."""
    return datetime.fromtimestamp(time_ns / 1e9, UTC).date()
