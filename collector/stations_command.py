"""``canhsong-collector stations``: who has sent, and when last."""

from __future__ import annotations

import click
import msgspec

from collector.places import DataFolder


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.pass_obj
def stations(data: DataFolder, *, as_json: bool) -> None:
    """Liệt kê các trạm / List the stations that have sent records."""
    from collector.sqlite_store import SqliteStore

    store = SqliteStore(data.store)
    try:
        rows = store.stations()
    finally:
        store.close()
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row).decode())
        return
    if not rows:
        click.echo("canhsong-collector: chưa có trạm nào / no station has sent anything yet", err=True)
        return
    from rich.console import Console

    from collector.tables import station_table

    Console().print(station_table(rows))
