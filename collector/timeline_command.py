"""``canhsong-collector timeline``: what was heard, from the shell."""

from __future__ import annotations

import click
import msgspec

from collector.asking import ORIGINS, query_of
from collector.places import DataFolder
from collector.store import Query, TimelineBucket, TrackRow


@click.command()
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.option("--since", metavar="WHEN", help="Từ lúc / From: 10m, 2h, 7d ago, or an ISO date and time.")
@click.option("--until", metavar="WHEN", help="Đến lúc / Until; as --since.")
@click.option("--station", "stations", multiple=True, metavar="NAME", help="Trạm / Station; may be repeated.")
@click.option("--band", "bands", multiple=True, metavar="NAME", help="Băng / Band of the band plan, e.g. B8; may be repeated.")
@click.option(
    "--origin", "origins", multiple=True, type=click.Choice([*ORIGINS, "all"]), help="Nguồn gốc / Origin; default: live. May be repeated."
)
@click.option("--by-hour", is_flag=True, help="Theo giờ / Hourly roll-up by station and band, with the time listened.")
@click.option("--limit", type=click.IntRange(1, 2000), default=500, show_default=True, help="Số hàng nhiều nhất / At most so many rows.")
@click.pass_obj
def timeline(
    data: DataFolder,
    *,
    as_json: bool,
    by_hour: bool,
    since: str | None,
    until: str | None,
    stations: tuple[str, ...],
    bands: tuple[str, ...],
    origins: tuple[str, ...],
    limit: int,
) -> None:
    """In dòng thời gian các vệt / Print the timeline of tracks, the latest first."""
    from collector.sqlite_store import SqliteStore

    query = query_of(since=since, until=until, stations=stations, bands=bands, origins=origins, limit=limit)
    store = SqliteStore(data.store)
    try:
        rows: list[TimelineBucket] | list[TrackRow] = store.timeline(query) if by_hour else store.tracks(query)
        known = store.facets().origins
    finally:
        store.close()
    if as_json:
        for row in rows:
            click.echo(msgspec.json.encode(row).decode())
    elif rows:
        _print(rows, query)
    if not rows:
        others = [origin for origin in known if origin not in query.origins]
        hint = f"; có / there is: --origin {' --origin '.join(others)}" if query.origins and others else ""
        click.echo(f"canhsong-collector: không có gì / nothing there{hint}", err=True)


def _print(rows: list[TimelineBucket] | list[TrackRow], query: Query) -> None:
    from rich.console import Console

    from collector.tables import bucket_table, track_table

    console = Console()
    tracks = [row for row in rows if isinstance(row, TrackRow)]
    console.print(track_table(tracks) if tracks else bucket_table([row for row in rows if isinstance(row, TimelineBucket)]))
    if len(rows) == query.limit:
        click.echo(f"canhsong-collector: {query.limit} hàng đầu / the first {query.limit} rows: narrow it with --since or --band", err=True)
