"""``canhsong-collector store``: how far each store has come, and making them again from the journal."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from collector.errors import MisuseError
from collector.places import DataFolder
from collector.store_settings import store_settings


@click.group()
def store() -> None:
    """Các kho dữ liệu / The stores that follow the journal: SQLite, and InfluxDB where one is set."""


@store.command()
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.pass_obj
def status(data: DataFolder, *, as_json: bool) -> None:
    """Xem kho đã theo kịp chưa / Show how far each store has come."""
    from collector.influx_follower import influx_file
    from collector.influx_settings import influx_settings
    from collector.journal import JournalReader
    from collector.station_board import one_number

    with JournalReader(data.journal) as reader:
        last = reader.last_entry()
    rows = [("sqlite", one_number(data.store, "SELECT max(entry) FROM cursor WHERE name = 'sqlite'"), 0)]
    path = influx_file(data.path)
    if influx_settings(data.path) is not None or path.is_file():
        rows.append(("influxdb", one_number(path, "SELECT max(entry) FROM cursor"), one_number(path, "SELECT count(*) FROM aside")))
    for name, entry, aside in rows:
        behind = max(0, last - entry)
        if as_json:
            click.echo(json.dumps({"store": name, "entry": entry, "journal": last, "behind": behind, "set_aside": aside}))
        else:
            click.echo(f"{name}: {entry} / {last} (còn / behind: {behind}, để riêng / points set aside: {aside})")


@store.command()
@click.pass_obj
def rebuild(data: DataFolder) -> None:
    """Dựng lại kho SQLite từ nhật ký / Make the embedded store again from the journal; `serve` must not be running."""
    from collector.followers import catch_up
    from collector.journal import JournalReader
    from collector.sqlite_effect import SqliteEffect
    from collector.store_renewal import first_entry, only_there, put_aside
    from collector.supervisor import only_one

    fresh = data.store.with_name("store.new.db")
    with only_one(data.lock):
        _remove(fresh)
        effect = SqliteEffect(fresh, store_settings(data.path))
        done = 0
        with JournalReader(data.journal) as reader:
            last = reader.last_entry()
            while count := catch_up(reader, effect):
                done += count
                _progress(effect.cursor(), last)
        effect.close()  # the last connection: its write-ahead log is in the file now
        if first_entry(data.journal) > 1 and data.store.is_file():
            _say(f"the old store is {put_aside(data.store, 'before-rebuild')}; {only_there(data.journal)}")
        _remove(data.store)
        fresh.rename(data.store)
    _say(f"store.db: {done} mục / entries")


@store.command()
@click.pass_obj
def backfill(data: DataFolder) -> None:
    """Ghi lại tất cả vào InfluxDB / Write the whole journal to InfluxDB again; `serve` must not be running."""
    from collector.influx_follower import backfill as write_again
    from collector.influx_settings import FILE_NAME, influx_settings
    from collector.supervisor import only_one

    settings = influx_settings(data.path)
    if settings is None:
        raise MisuseError(f"no InfluxDB is set: say where it is in {data.path / FILE_NAME} (docs/how-to/use-influxdb.md)")
    with only_one(data.lock):
        _follow_store(data)
        done = write_again(data, settings, _progress)
    _say(f"InfluxDB: {done} mục / entries")


def _follow_store(data: DataFolder) -> None:
    """Bring the embedded store to the journal's end: InfluxDB gets its rows."""
    from collector.followers import catch_up
    from collector.journal import JournalReader
    from collector.sqlite_effect import SqliteEffect
    from collector.store_renewal import renew_store

    if (renewed := renew_store(data.store, data.journal)) is not None:
        _say(renewed)
    effect = SqliteEffect(data.store, store_settings(data.path))
    try:
        with JournalReader(data.journal) as reader:
            while catch_up(reader, effect):
                pass
    finally:
        effect.close()


def _remove(path: Path) -> None:
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)


def _progress(entry: int, last: int) -> None:
    if sys.stderr.isatty():
        click.echo(f"\r{entry} / {last}", nl=entry >= last, err=True)


def _say(text: str) -> None:
    click.echo(f"canhsong-collector: {text}", err=True)
