"""What the API and the page ask: one layer over the store, so that both give the same answers."""

from __future__ import annotations

import sqlite3
import time
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from collector.errors import MisuseError, StorageError
from collector.sqlite_store import SqliteStore
from collector.store import (
    ENDLESS_NS,
    CaptureRow,
    CellRow,
    DayBucket,
    Facets,
    HealthRow,
    OccupancyRow,
    Query,
    StationRow,
    Store,
    TimelineBucket,
    TrackRow,
    Waterfall,
)
from collector.store_settings import FILE_NAME, store_settings

WATERFALL_ROWS: Final = 180


class Health(Struct, frozen=True, kw_only=True):
    """Whether the collector can answer."""

    ok: bool
    store: str
    stations: int
    last_received_ns: int | None


class Service:
    """Answers from the store, which may not be there yet when the page is."""

    def __init__(self, path: Path) -> None:
        """Answer from the store in ``path``, or from InfluxDB where ``store.toml`` beside it says so.

        Raises:
            MisuseError: that file cannot be meant.
        """
        self._path, self._settings = path, store_settings(path.parent)
        self._store: Store | None = None

    @property
    def folder(self) -> Path:
        """The collector's data folder."""
        return self._path.parent

    def store(self) -> Store:
        """Return the store.

        Raises:
            StorageError: its follower has not made it yet, or it cannot be read.
        """
        if self._store is None:
            store: Store = SqliteStore(self._path)
            try:
                store.facets()
            except sqlite3.Error as error:  # its tables are not there yet
                store.close()
                raise StorageError(f"{self._path}: the store is being made; ask again") from error
            self._store = self._answering(store)
        return self._store

    def _answering(self, embedded: Store) -> Store:
        """Return the store that the settings want: the embedded one, or InfluxDB's with the embedded one's spectra."""
        if self._settings.answers == "sqlite":
            return embedded
        from collector.influx_answers import InfluxStore
        from collector.influx_settings import influx_settings
        from collector.influx_store import InfluxDoor

        influx = influx_settings(self.folder)
        if influx is None:
            embedded.close()
            raise MisuseError(f"{self.folder / FILE_NAME}: answers = influxdb, and no InfluxDB is set (docs/how-to/use-influxdb.md)")
        return InfluxStore(InfluxDoor(influx), spectra=embedded)

    def wait(self, timeout_s: float) -> None:
        """Wait until the store is there.

        Raises:
            StorageError: it is not within ``timeout_s``.
        """
        until_s = time.monotonic() + timeout_s
        while True:
            try:
                self.store()
            except StorageError:
                if time.monotonic() > until_s:
                    raise
                time.sleep(0.1)
            else:
                return

    def tracks(self, query: Query) -> list[TrackRow]:
        """Return the tracks in ``query``, the latest first."""
        return self.store().tracks(query)

    def timeline(self, query: Query) -> list[TimelineBucket]:
        """Return hourly buckets by station and band; what is asked for up to now is told up to now, whoever fell silent when."""
        if query.since_ns > 0 and query.until_ns == ENDLESS_NS and query.origins == ("live",):
            query = msgspec.structs.replace(query, until_ns=max(time.time_ns(), query.since_ns + 1))
        return self.store().timeline(query)

    def days(self, query: Query) -> list[DayBucket]:
        """Return daily buckets by station and band."""
        return self.store().days(query)

    def occupancy(self, query: Query) -> list[OccupancyRow]:
        """Return occupancies as they were reported."""
        return self.store().occupancy(query)

    def cells(self, query: Query) -> list[CellRow]:
        """Return the cells in ``query``, the latest first."""
        return self.store().cells(query)

    def waterfall(self, query: Query, *, rows: int = WATERFALL_ROWS) -> Waterfall | None:
        """Return the last spectra of the tuning heard last."""
        return self.store().waterfall(query, rows=rows)

    def stations(self) -> list[StationRow]:
        """Return every station."""
        return self.store().stations()

    def healths(self) -> list[HealthRow]:
        """Return the latest health report of every station and origin."""
        return self.store().healths()

    def captures(self, query: Query) -> list[CaptureRow]:
        """Return the captures that were announced in ``query``, the latest first."""
        return self.store().captures(query)

    def facets(self) -> Facets:
        """Return what there is to choose from."""
        return self.store().facets()

    def version(self) -> int:
        """Return a number that changes whenever an answer may have changed."""
        return self.store().version()

    def health(self) -> Health:
        """Return whether the store answers, and when something came in last."""
        try:
            stations = self.stations()
        except StorageError as error:
            return Health(ok=False, store=str(error), stations=0, last_received_ns=None)
        last = max((station.last_received_ns for station in stations), default=None)
        return Health(ok=True, store=self._settings.answers, stations=len(stations), last_received_ns=last)

    def close(self) -> None:
        """Let go of the store."""
        if self._store is not None:
            self._store.close()
            self._store = None
