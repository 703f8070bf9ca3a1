"""``canhsong-station keys``: this station's key, and the collector that it is enrolled at."""

from __future__ import annotations

from pathlib import Path

import click

from config.keyfiles import fresh_keypair, read_keypair, write_keypair
from station.collector_link import KEY_FILE, read_enrolled, write_enrolled
from station.errors import MisuseError
from station.settings_source import load_station_settings
from station.state_folder import state_folder

_STATE = click.option("--state", metavar="FOLDER", help="Thư mục trạng thái / The state folder that holds the key.")


@click.group()
def keys() -> None:
    """Khóa của trạm / This station's key."""


@keys.command()
@click.option("--station", metavar="NAME", help="Tên trạm / The name that the collector enrols this station under.")
@click.option("--collector", metavar="ADDRESS", help="Trung tâm / The collector, e.g. tcp://centre.example:5570.")
@click.option("--collector-key", metavar="KEY", help="Khóa công khai của trung tâm / What `canhsong-collector keys init` prints.")
@click.option("--also", is_flag=True, help="Thêm trung tâm / Note this collector beside the one noted: `run` sends to both.")
@_STATE
@click.pass_context
def init(
    ctx: click.Context, /, station: str | None, collector: str | None, collector_key: str | None, also: bool, state: str | None
) -> None:
    """Tạo khóa / Make this station's key, once, note the collector, and print what to enrol there."""
    folder = _folder(ctx, state)
    given = (station, collector, collector_key)
    if any(given) and not all(given):
        raise MisuseError("--station, --collector and --collector-key belong together")
    path = folder / KEY_FILE
    if path.exists():
        click.echo(f"{path}: đã có / is there already and stays", err=True)
    else:
        write_keypair(path, fresh_keypair())
    if station and collector and collector_key:
        write_enrolled(folder, station=station, collector=collector, collector_key=collector_key, also=also)
    public = read_keypair(path).public
    click.echo("chạy ở trung tâm / run at the collector:", err=True)
    click.echo(f"canhsong-collector keys enrol {station or 'STATION'} '{public}'")


@keys.command()
@_STATE
@click.pass_context
def show(ctx: click.Context, state: str | None) -> None:
    """In khóa công khai / Print the public key, and the collector that it goes with."""
    folder = _folder(ctx, state)
    click.echo(read_keypair(folder / KEY_FILE).public)
    if (enrolled := read_enrolled(folder)) is not None:
        for address, key in enrolled.collectors():
            click.echo(f"{enrolled.station} -> {address} ({key})", err=True)


def _folder(ctx: click.Context, state: str | None) -> Path:
    return state_folder(load_station_settings(ctx.obj, {"health.state_folder": ("--state", state)}).settings)
