"""``canhsong-collector tasks``: what stations are asked for, what became of it; asking and cancelling by hand."""

from __future__ import annotations

import getpass
import re
import time
from collections.abc import Mapping
from typing import Final

import click
import msgspec

from collector.errors import MisuseError
from collector.places import DataFolder

DEFAULT_S: Final = {"capture": 2.0, "dwell": 10.0, "watch": 600.0}
PEOPLE_FACTOR: Final = 4
"""People may ask a station so many times as often as findings may."""


@click.group()
def tasks() -> None:
    """Việc giao cho trạm / What stations are asked for."""


@tasks.command("list")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.option("--station", metavar="NAME", help="Chỉ trạm này / Of this station only.")
@click.option("--finding", "finding_id", metavar="ID", help="Chỉ của phát hiện này / Of this finding only.")
@click.option("--pending", is_flag=True, help="Chỉ việc chưa xong / Those that are not over only.")
@click.option("--limit", type=click.IntRange(1, 2000), default=200, show_default=True, help="Số dòng nhiều nhất / At most so many.")
@click.pass_obj
def list_(data: DataFolder, *, as_json: bool, station: str | None, finding_id: str | None, pending: bool, limit: int) -> None:
    """Liệt kê / List tasks, the latest first."""
    from collector.task_table import read_tasks
    from collector.task_words import task_line

    rows = read_tasks(data.path, station=station, finding_id=finding_id, pending=pending, limit=limit)
    for row in rows:
        click.echo(msgspec.json.encode(row).decode() if as_json else task_line(row))
    if not rows and not as_json:
        click.echo("canhsong-collector: không có việc nào / no tasks", err=True)


@tasks.command()
@click.argument("station")
@click.argument("action", type=click.Choice(sorted(DEFAULT_S)))
@click.argument("freq_mhz", metavar="MHZ", type=float)
@click.option("--for", "seconds", type=click.FloatRange(0.05, 86_400.0), metavar="S", help="Giây / Seconds: 2, 10, 600 unless given.")
@click.option("--width", "width_khz", type=click.FloatRange(0.0, 3000.0), default=400.0, show_default=True, help="Bề rộng / Width in kHz.")
@click.option("--reason", default="asked for by hand", show_default=True, help="Lý do / Why.")
@click.option("--expires", "expires_min", type=click.FloatRange(0.1, 43_200.0), metavar="MIN", help="Hạn / Minutes that the station has.")
@click.option("--keep-there", is_flag=True, help="Bản ghi ở lại trạm / Leave the capture at the station.")
@click.option("--as", "person", metavar="NAME", help="Ai hỏi / Who asks; default: the user's login name.")
@click.option("--json", "as_json", is_flag=True, help="Một đối tượng JSON / One JSON object.")
@click.pass_obj
def ask(
    data: DataFolder,
    /,
    station: str,
    action: str,
    freq_mhz: float,
    seconds: float | None,
    width_khz: float,
    reason: str,
    expires_min: float | None,
    keep_there: bool,
    person: str | None,
    as_json: bool,
) -> None:
    """Giao việc / Ask STATION to capture, dwell on, or watch a frequency in MHz."""
    from collector.task_settings import task_settings

    settings = task_settings(data.path)
    now_ns = time.time_ns()
    fields = {
        "station": station,
        "action": action,
        "freq_hz": round(freq_mhz * 1e6, 3),
        "bandwidth_hz": width_khz * 1e3,
        "duration_s": seconds or DEFAULT_S[action],
        "send": not keep_there,
        "reason": reason,
        "issued_ns": now_ns,
        "expires_ns": now_ns + round(settings.ask.expires_s * 1e9 if expires_min is None else expires_min * 60e9),
    }
    put_task(data, fields, person=person, as_json=as_json)
    if not _has_sent(data, station):
        click.echo(f"canhsong-collector: {station} chưa gửi gì / has never sent anything: the task waits for it until it expires", err=True)


def _has_sent(data: DataFolder, station: str) -> bool:
    """Return whether a station of this name ever sent a record."""
    from collector.errors import StorageError
    from collector.sqlite_store import SqliteStore

    try:
        store = SqliteStore(data.store)
    except StorageError:
        return False
    try:
        return any(row.station == station for row in store.stations())
    finally:
        store.close()


@tasks.command()
@click.argument("task_id")
@click.pass_obj
def cancel(data: DataFolder, task_id: str) -> None:
    """Hủy một việc / Have a station told to stop, or not to begin."""
    from collector.task_table import TaskTable, tasks_path
    from collector.task_words import task_line

    table = TaskTable(tasks_path(data.path))
    try:
        row = table.cancel(task_id)
    finally:
        table.close()
    click.echo(task_line(row))


def put_task(data: DataFolder, fields: Mapping[str, object], *, person: str | None, as_json: bool) -> None:
    """Put one person's task on the table and print it.

    Raises:
        MisuseError: it cannot be meant.
        TooManyError: that station was asked too often.
    """
    from collector.task_settings import task_settings
    from collector.task_table import Limits, TaskTable, new_task_id, tasks_path
    from config.wire import Task

    who = re.sub(r"[^\w .@-]", "?", person or getpass.getuser())[:100]
    try:
        task = msgspec.convert({"kind": "task", "task_id": new_task_id(), "issued_by": f"person:{who}", **fields}, Task)
    except msgspec.ValidationError as error:
        raise MisuseError(f"{error}: `canhsong-collector stations` shows the names of the stations") from error
    table = TaskTable(tasks_path(data.path))
    try:
        table.ask(task, Limits(per_station_hour=PEOPLE_FACTOR * task_settings(data.path).ask.per_station_hour))
    finally:
        table.close()
    click.echo(msgspec.json.encode(task).decode() if as_json else task.task_id)
