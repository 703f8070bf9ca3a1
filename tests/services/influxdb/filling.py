"""A journal's worth of records into a store, on both implementations by the same means."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import msgspec

from collector.followers import Heard
from collector.influx_answers import InfluxStore
from collector.influx_effect import InfluxEffect
from collector.influx_file import InfluxFile
from collector.influx_rows import StoreRows
from collector.influx_settings import InfluxSettings
from collector.influx_store import InfluxDoor
from collector.journal import Entry
from collector.sqlite_effect import SqliteEffect
from collector.sqlite_store import SqliteStore
from collector.store import Store
from config.wire import AnyRecord
from tests.end_to_end.running import T0_NS
from tests.services.influxdb.influxd import ORG, TOKEN

SPOOL = "ab" * 16


def settings_for(url: str, bucket: str, folder: Path, *, token: str = TOKEN) -> InfluxSettings:
    """Settings of an InfluxDB whose token is in a file in ``folder``."""
    file = folder / "token"
    file.touch(mode=0o600)
    file.write_text(token, encoding="ascii")
    return InfluxSettings(url=url, org=ORG, bucket=bucket, token_file=str(file), raw_days=0, hourly_days=0)


def entry(number: int, record: AnyRecord) -> Entry:
    return Entry(entry=number, station=record.station, spool_id=SPOOL, seq=number, received_ns=T0_NS + number, data=b"")


def report(kind: type[Any], at_s: float = 0, **fields: Any) -> Any:
    """A report with the fields that matter; the others are empty."""
    given = {"station": "a", "origin": "synthetic", "start_time_ns": T0_NS + round(at_s * 1e9), "time_source": "given", **fields}
    unset = {field.name: None for field in msgspec.structs.fields(kind) if field.required and field.name not in given}
    return kind(**given, **unset)


class OnSqlite:
    """The embedded store."""

    def __init__(self, folder: Path) -> None:
        self.effect = SqliteEffect(folder / "store.db")
        self.store: Store = SqliteStore(folder / "store.db")

    def put(self, *records: AnyRecord) -> None:
        cursor = self.effect.cursor()
        heard = [Heard(entry(cursor + n, record), record) for n, record in enumerate(records, start=1)]
        self.effect.apply(heard, cursor + len(records))

    def close(self) -> None:
        self.store.close()
        self.effect.close()


class OnInflux:
    """InfluxDB behind the embedded store's follower."""

    def __init__(
        self, settings: InfluxSettings, folder: Path, stopped: Callable[[], bool] = lambda: False, *, timeout_ms: int = 5000
    ) -> None:
        self.sqlite = OnSqlite(folder)
        self.door = InfluxDoor(settings, timeout_ms=timeout_ms)
        self.door.make_buckets()
        self.file = InfluxFile(folder / "influx.db")
        self.rows = StoreRows(folder / "store.db")
        self.effect = InfluxEffect(self.door, self.file, self.rows, stopped)
        self.store: Store = InfluxStore(InfluxDoor(settings), spectra=self.sqlite.store)

    def put(self, *records: AnyRecord) -> None:
        cursor = self.effect.cursor()
        heard = [Heard(entry(cursor + n, record), record) for n, record in enumerate(records, start=1)]
        self.sqlite.put(*records)
        self.effect.apply(heard, cursor + len(records))

    def raw(self, measurement: str) -> list[dict[str, Any]]:
        """Every raw point of one measurement, in order of time."""
        bucket = self.door.settings.bucket
        flux = (
            "from(bucket: b) |> range(start: 0, stop: 2200-01-01T00:00:00Z) |> filter(fn: (r) => r._measurement == m) "
            '|> pivot(rowKey: ["_time"], columnKey: ["_field"], valueColumn: "_value") |> group() |> sort(columns: ["_time"])'
        )
        return self.door.ask(flux, {"b": bucket, "m": measurement})

    def close(self) -> None:
        self.store.close()
        self.effect.close()
        self.door.close()
        self.rows.close()
        self.file.close()
        self.sqlite.close()
