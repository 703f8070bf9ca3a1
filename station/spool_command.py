"""``canhsong-station spool``: what waits for the collector, by whom it was taken, and how to carry it there by hand."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import click

from station.errors import MisuseError
from station.settings_source import load_station_settings
from station.sqlite_spool import SqliteSpool
from station.state_folder import state_folder


@click.group()
@click.option("--spool", "spool_file", type=click.Path(path_type=Path), metavar="FILE", help="Tệp hàng đợi / The spool; else the settings'")
@click.option("--state", metavar="FOLDER", help="Thư mục trạng thái / The state folder.")
@click.pass_context
def spool(ctx: click.Context, spool_file: Path | None, state: str | None) -> None:
    """Hàng đợi trên đĩa / The records on the disk that wait for the collector, or went there."""
    settings = load_station_settings(ctx.obj, {"health.state_folder": ("--state", state)}).settings
    folder = state_folder(settings)
    ctx.obj = (spool_file or Path(settings.uplink.spool or folder / "spool.db"), folder)


@spool.command()
@click.option("--json", "as_json", is_flag=True, help="JSON.")
@click.pass_obj
def status(places: tuple[Path, Path], as_json: bool) -> None:
    """Tình trạng / Say what there is and what each collector has."""
    held = _open(places[0])
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
def drop(places: tuple[Path, Path], acknowledged: bool) -> None:
    """Bỏ bớt / Drop records. A collector that is restored from a backup cannot get them again."""
    if not acknowledged:
        raise MisuseError("say --acknowledged: nothing else is ever dropped by hand")
    held = _open(places[0])
    gone = held.drop_acknowledged()
    held.close()
    click.echo(f"{gone} bản ghi đã bỏ / records dropped", err=True)


@spool.command()
@click.argument("file", type=click.Path(path_type=Path))
@click.pass_obj
def export(places: tuple[Path, Path], file: Path) -> None:
    """Xuất / Write the spool into FILE, sealed for the collector: `canhsong-collector import FILE`."""
    from station.spool_export import export_spool

    held = _open(places[0])
    try:
        count = export_spool(held, file, folder=places[1])
    finally:
        held.close()
    click.echo(f"{file}: {count} số / numbers", err=True)


def _open(path: Path) -> SqliteSpool:
    if not path.exists():
        raise MisuseError(f"{path}: no spool there; name it with `spool --spool FILE`")
    return SqliteSpool(path)
