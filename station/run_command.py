"""``canhsong-station run``: the live station, to a collector and to the terminal; ``--kit`` brings the collector and its page too."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from config.settings import StationSettings
from station.agent import Agent
from station.children import collector_addresses, collector_program, running
from station.errors import StationError
from station.output import JsonSink, Sink
from station.scan_command import live_settings, receiver_options, say
from station.spooled_uplink import SpooledUplink
from station.state_folder import state_folder

if TYPE_CHECKING:
    from station.live_view import LiveView
    from station.tasks import TaskDesk
    from station.uplink import Uplink


@dataclass(frozen=True, slots=True, kw_only=True)
class Wishes:
    """What the flags say beside the settings. ``kit_http``: where the kit's page is to be; None: no kit."""

    collectors: tuple[str, ...]
    kit_http: str | None
    show: bool
    as_json: bool
    name_given: bool


@click.command()
@click.option("--band", "bands", multiple=True, metavar="NAME", help="Băng tần / Band (B8, B8-UL) or range in MHz; may be repeated.")
@click.option("--collector", "collectors", multiple=True, metavar="ADDRESS", help="Gửi về trung tâm / A collector; may be repeated.")
@click.option("--spool", "spool_file", metavar="FILE", help="Hàng đợi trên đĩa / The spool; default: spool.db in the state folder.")
@click.option("--kit", is_flag=True, help="Cả trung tâm và trang trên máy này / The collector and its page on this machine too, offline.")
@click.option("--http", default="127.0.0.1:8070", show_default=True, metavar="HOST:PORT", help="Trang của kit / The kit's page.")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line, also on a terminal.")
@click.option("--sweeps", type=click.IntRange(1), metavar="N", help="Số lượt / End after so many sweeps.")
@click.option("--dwell", type=float, metavar="S", help="Thời gian mỗi bước / Seconds of samples at each hop.")
@receiver_options
@click.pass_context
def run(
    ctx: click.Context,
    /,
    bands: tuple[str, ...],
    collectors: tuple[str, ...],
    spool_file: str | None,
    kit: bool,
    http: str,
    as_json: bool,
    sweeps: int | None,
    **flags: Any,
) -> None:
    """Chạy trạm / Run the live station until Ctrl-C or SIGTERM."""
    settings = live_settings(ctx.obj, flags, bands)
    if spool_file is not None:
        settings = msgspec.structs.replace(settings, uplink=msgspec.structs.replace(settings.uplink, spool=spool_file))
    wishes = Wishes(
        collectors=collectors,
        kit_http=http if kit else None,
        show=sys.stdout.isatty() and not as_json,
        as_json=as_json,
        name_given=flags.get("station_name") is not None,
    )
    with contextlib.ExitStack() as stack:
        _work(stack, settings, wishes, sweeps)
    click.echo("đã dừng / stopped", err=True)


def _work(stack: contextlib.ExitStack, settings: StationSettings, wishes: Wishes, sweeps: int | None) -> None:
    """Put the station together and run it; what was begun ends with ``stack``."""
    from config.band_plan import load_band_plan

    plan = load_band_plan(Path(settings.plan.bands) if settings.plan.bands else None)
    settings, page = _with_collectors(stack, settings, wishes)
    desk = _desk(stack, settings, state_folder(settings))
    uplink, first = _uplink(settings, wishes, desk)
    view = _view(stack, page) if wishes.show else None
    sinks: list[Sink] = [sink for sink in (uplink, view) if sink is not None]
    if view is None and (wishes.as_json or uplink is None):
        sinks.append(JsonSink())
    if settings.health.metrics is not None:
        sinks.append(_metrics(stack, settings.health.metrics, first))
    agent = Agent(settings, plan, sinks=sinks, say=_quiet if wishes.show else say, uplink=uplink, desk=desk)
    if view is not None and desk is not None:
        from station.live_screen import keyboard

        stack.enter_context(keyboard(view, desk))
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: agent.stop())
    try:
        agent.run(sweeps=sweeps)
    finally:
        if uplink is not None and (problem := uplink.close()) is not None:
            say(problem)


def _with_collectors(stack: contextlib.ExitStack, settings: StationSettings, wishes: Wishes) -> tuple[StationSettings, str]:
    """Return the settings with the collectors to send to, the kit's own first, and the address of the kit's page; empty: no kit."""
    from station.collector_link import with_collectors, with_enrolment

    folder = state_folder(settings)
    settings = with_collectors(settings, wishes.collectors)
    if wishes.kit_http is None or wishes.collectors:
        settings = with_enrolment(settings, folder, name_given=wishes.name_given)
    if wishes.kit_http is None:
        return settings, ""
    arguments = ["--data", str(folder / "collector"), "serve", "--json", "--ingest", "tcp://127.0.0.1:*", "--http", wishes.kit_http]
    addresses = collector_addresses(stack.enter_context(running([*collector_program(), *arguments])))
    # the page shows what is live unless it is asked for something else
    page = addresses["web"] + ("?origin=hil" if os.environ.get("CANHSONG_VIRTUAL_DONGLE") else "")
    click.echo(f"Mở trang / open the page: {page}", err=True)
    return with_collectors(settings, [addresses["ingest"], *wishes.collectors]), page


def _uplink(settings: StationSettings, wishes: Wishes, desk: TaskDesk | None) -> tuple[SpooledUplink | None, Uplink | None]:
    """Return the way to all collectors, and that to the first; None: there are none."""
    address = settings.uplink.collector
    if address is None:
        return None, None
    from station.collector_link import open_uplinks

    folder = state_folder(settings)
    link = open_uplinks(
        settings,
        address,
        folder=folder,
        say=say,
        spool=Path(settings.uplink.spool) if settings.uplink.spool else folder / "spool.db",
        collector="kit" if wishes.kit_http is not None else "",
        side=desk.sender if desk is not None else None,
    )
    return SpooledUplink(link), link.first


def _view(stack: contextlib.ExitStack, page: str) -> LiveView:
    from station.live_screen import full_screen

    return full_screen(stack, f"Mở trang / open the page: {page}" if page else "")


def _metrics(stack: contextlib.ExitStack, address: str, uplink: Uplink | None) -> Sink:
    from station.metrics import StationMetrics, metrics_server

    told = StationMetrics(uplink)
    stack.enter_context(metrics_server(address, told, lambda url: say(f"metrics: {url}")))
    return told


def _desk(stack: contextlib.ExitStack, settings: StationSettings, folder: Path) -> TaskDesk | None:
    """Return what takes the collectors' tasks and the inspector's keys; None: the state folder cannot hold its book."""
    from station.task_book import TaskBook
    from station.tasks import TaskDesk

    try:
        desk = TaskDesk(settings, TaskBook(folder / "tasks.db"))
    except StationError as error:
        say(f"no tasks: {error}")
        return None
    stack.callback(desk.close)
    return desk


def _quiet(_: str) -> None:
    """Say nothing: the view shows what health says."""
