"""``canhsong-station spool``: what waits for the collector, by whom it was taken, and how to carry it there by hand."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from config.settings import StationSettings
from station.collector_link import KEY_FILE
from station.errors import MisuseError
from station.settings_source import load_station_settings
from station.sqlite_spool import SqliteSpool
from station.state_folder import state_folder


@dataclass(frozen=True, slots=True, kw_only=True)
class Places:
    """Where this station keeps what the commands are about."""

    spool: Path
    folder: Path
    settings: StationSettings


@click.group()
@click.option("--spool", "spool_file", type=click.Path(path_type=Path), metavar="FILE", help="Tệp hàng đợi / The spool; else the settings'")
@click.option("--state", metavar="FOLDER", help="Thư mục trạng thái / The state folder.")
@click.pass_context
def spool(ctx: click.Context, spool_file: Path | None, state: str | None) -> None:
    """Hàng đợi trên đĩa / The records on the disk that wait for the collector, or went there."""
    settings = load_station_settings(ctx.obj, {"health.state_folder": ("--state", state)}).settings
    folder = state_folder(settings)
    ctx.obj = Places(spool=spool_file or Path(settings.uplink.spool or folder / "spool.db"), folder=folder, settings=settings)


@spool.command()
@click.option("--json", "as_json", is_flag=True, help="JSON.")
@click.pass_obj
def status(places: Places, as_json: bool) -> None:
    """Tình trạng / Say what there is and what each collector has."""
    held = _open(places.spool)
    state = held.status()
    held.close()
    waiting = {name: state.next_seq - 1 - committed for name, committed in state.collectors}
    values: dict[str, Any] = {
        "spool_id": state.spool_id,
        "first_seq": state.first_seq,
        "next_seq": state.next_seq,
        "records": state.records,
        "size_bytes": state.size_bytes,
        "gaps": state.gaps,
        "rejected": state.rejected,
        "waiting": waiting,
    }
    if as_json:
        click.echo(json.dumps(values))
        return
    for name, value in values.items():
        if name != "waiting":
            click.echo(f"{name:12} {value}")
    for name, count in waiting.items():
        click.echo(f"còn đợi / waiting for {name}: {count}")


@spool.command()
@click.option("--acknowledged", is_flag=True, help="Bỏ những gì mọi trung tâm đã có / What every known collector has.")
@click.pass_obj
def drop(places: Places, acknowledged: bool) -> None:
    """Bỏ bớt / Drop records. A collector that is restored from a backup cannot get them again."""
    if not acknowledged:
        raise MisuseError("say --acknowledged: nothing else is ever dropped by hand")
    held = _open(places.spool)
    gone = held.drop_acknowledged()
    held.close()
    click.echo(f"{gone} bản tin đã bỏ / records dropped", err=True)


@spool.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.option(
    "--for", "reader", metavar="COLLECTOR", help="Cho trung tâm nào / The collector that may read it, by its address; else the first."
)
@click.pass_obj
def export(places: Places, file: Path, reader: str | None) -> None:
    """Xuất / Write the spool into FILE, sealed for one collector: `canhsong-collector import FILE`."""
    from station.spool_export import chosen_reader, export_spool, known_readers

    readers = known_readers(places.settings, places.folder)
    chosen = chosen_reader(readers, reader)
    own_key = places.settings.uplink.key_file
    held = _open(places.spool)
    try:
        count = export_spool(held, file, key_file=Path(own_key) if own_key else places.folder / KEY_FILE, reader=chosen)
    finally:
        held.close()
    click.echo(f"{file}: {count} số, chỉ {chosen.address} đọc được / numbers, for {chosen.address} alone to read", err=True)
    if reader is None and len(readers) > 1:
        others = ", ".join(one.address for one in readers[1:])
        click.echo(f"cho trung tâm khác: --for / for another collector: --for, one of {others}", err=True)


def _open(path: Path) -> SqliteSpool:
    if not path.exists():
        raise MisuseError(f"{path}: no spool there; name it with `spool --spool FILE`")
    return SqliteSpool(path)
