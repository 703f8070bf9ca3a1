"""``canhsong-collector stations``: who is on, when each was heard last, what waits, what is missing, and whose clock is wrong."""

from __future__ import annotations

import click
import msgspec

from collector.places import DataFolder


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.pass_obj
def stations(data: DataFolder, *, as_json: bool) -> None:
    """Liệt kê các trạm / List the stations: who is on, last heard, waiting, gaps, version, clock."""
    from collector.station_board import station_lines

    rows = station_lines(data)
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
