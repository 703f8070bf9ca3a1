"""``canhsong-collector captures``: samples that stations keep or have sent; who read them is written down."""

from __future__ import annotations

import getpass
import time
from pathlib import Path

import click
import msgspec

from collector.places import DataFolder

station_option = click.option("--station", metavar="NAME", help="Của trạm này / Of this station.")
who_option = click.option("--as", "who", metavar="NAME", help="Ai / Who; default: the user's login name.")


@click.group()
def captures() -> None:
    """Bản ghi IQ / Raw samples that stations keep or have sent."""


@captures.command("list")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@station_option
@click.option("--limit", type=click.IntRange(1, 2000), default=200, show_default=True, help="Số dòng nhiều nhất / At most so many.")
@click.pass_obj
def list_(data: DataFolder, *, as_json: bool, station: str | None, limit: int) -> None:
    """Liệt kê / List what stations announced and what of it is here, the latest first."""
    from collector.capture_board import capture_lines
    from collector.task_words import capture_line

    lines = capture_lines(data, station=station, limit=limit)
    for one in lines:
        if as_json:
            click.echo(msgspec.json.encode(one).decode())
        else:
            click.echo(capture_line(one.station, one.capture_id, one.announced, one.kept, one.have_bytes))
    if not lines and not as_json:
        click.echo("canhsong-collector: chưa có bản ghi nào / no captures yet", err=True)


@captures.command()
@click.argument("capture_id")
@station_option
@who_option
@click.option("--log", "with_log", is_flag=True, help="Ai đã đọc / Who read or changed it, and when.")
@click.pass_obj
def show(data: DataFolder, capture_id: str, *, station: str | None, who: str | None, with_log: bool) -> None:
    """In siêu dữ liệu / Print a capture's metadata (SigMF); that is a reading, and written down."""
    from collector.captures import Captures
    from collector.words import moment

    store = Captures(data.path)
    try:
        kept = store.find(capture_id, station)
        if with_log:
            for one in store.accesses(kept):
                click.echo(f"{moment(one.time_ns)}  {one.who}  {one.what}")
            return
        click.echo(store.read(kept, "meta", who=who or getpass.getuser(), how="shown").read_text(encoding="utf-8"))
    finally:
        store.close()


@captures.command()
@click.argument("capture_id")
@click.argument("folder", type=click.Path(path_type=Path, file_okay=False))
@station_option
@who_option
@click.pass_obj
def export(data: DataFolder, capture_id: str, folder: Path, *, station: str | None, who: str | None) -> None:
    """Chép ra / Copy a SigMF pair into FOLDER, mode 0600; that is a reading, and written down."""
    from collector.captures import Captures

    store = Captures(data.path)
    try:
        for path in store.export(store.find(capture_id, station), folder, who=who or getpass.getuser()):
            click.echo(str(path))
    finally:
        store.close()


@captures.command()
@click.argument("capture_id")
@station_option
@who_option
@click.option("--why", default="", help="Lý do / Why.")
@click.pass_obj
def hold(data: DataFolder, capture_id: str, *, station: str | None, who: str | None, why: str) -> None:
    """Giữ lại / Keep a capture however old it gets."""
    from collector.captures import Captures

    store = Captures(data.path)
    try:
        store.hold(store.find(capture_id, station), who=who or getpass.getuser(), why=why)
    finally:
        store.close()
    click.echo(f"{capture_id}  giữ / held")


@captures.command()
@click.argument("capture_id")
@station_option
@who_option
@click.pass_obj
def release(data: DataFolder, capture_id: str, *, station: str | None, who: str | None) -> None:
    """Thôi giữ / Let a capture go when its time comes."""
    from collector.captures import Captures

    store = Captures(data.path)
    try:
        store.release(store.find(capture_id, station), who=who or getpass.getuser())
    finally:
        store.close()
    click.echo(f"{capture_id}  thôi giữ / released")


@captures.command()
@click.argument("capture_id")
@station_option
@who_option
@click.option("--reason", default="asked for by hand", show_default=True, help="Lý do / Why.")
@click.pass_obj
def fetch(data: DataFolder, capture_id: str, *, station: str | None, who: str | None, reason: str) -> None:
    """Lấy về / Have a station send a capture that it announced and kept."""
    from collector.capture_board import announced
    from collector.task_settings import task_settings
    from collector.tasks_command import put_task

    row = announced(data, capture_id, station)
    now_ns = time.time_ns()
    fields = {
        "station": row.station,
        "action": "fetch",
        "freq_hz": None,
        "bandwidth_hz": 0.0,
        "duration_s": 0.0,
        "capture_id": row.capture_id,
        "reason": reason,
        "issued_ns": now_ns,
        "expires_ns": now_ns + round(task_settings(data.path).ask.expires_s * 1e9),
    }
    put_task(data, fields, person=who, as_json=False)
