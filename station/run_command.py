"""``canhsong-station run``: the live station, to a collector and to the terminal; ``--kit`` brings the collector and its page too."""

from __future__ import annotations

import contextlib
import json
import signal
import subprocess
import sys
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click
import msgspec

from config.settings import StationSettings
from config.wire import AnyRecord
from station.agent import Agent, UplinkState
from station.errors import StationError
from station.output import JsonSink, Sink
from station.scan_command import live_settings, receiver_options, say
from station.state_folder import state_folder

if TYPE_CHECKING:
    from station.key_presses import Keyboard
    from station.live_view import LiveView
    from station.tasks import TaskDesk
    from station.uplink import Uplink
    from station.uplinks import Uplinks

STOP_S: Final = 15.0
KIT_DRAIN_S: Final = 5.0


class SpooledUplink(UplinkState):
    """The way to the collectors: every reliable record is on the disk before it is sent."""

    def __init__(self, uplink: Uplinks) -> None:
        """``uplink``: the way to the collectors; closed with the sink."""
        self._uplink = uplink

    def waiting(self) -> tuple[int, int]:
        """Return how many records wait, and how many live ones were dropped."""
        return self._uplink.waiting, self._uplink.live_dropped

    def put(self, records: Iterable[AnyRecord]) -> None:
        """Hand ``records`` on."""
        self._uplink.put(records)

    def end_of_source(self) -> None:
        """Nothing to do."""

    def close(self, drain_timeout_s: float = KIT_DRAIN_S) -> str | None:
        """Wait a little for the collector; what is not acknowledged stays in the spool for the next run."""
        self._uplink.drain(drain_timeout_s)
        waiting = self._uplink.waiting
        self._uplink.close()
        return f"{waiting} records wait in the spool for the next run" if waiting else None


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
    folder = state_folder(settings)
    from station.collector_link import open_uplinks, with_collectors, with_enrolment

    settings = with_collectors(settings, collectors)
    if not kit or collectors:
        settings = with_enrolment(settings, folder, name_given=flags.get("station_name") is not None)
    from config.band_plan import load_band_plan

    plan = load_band_plan(Path(settings.plan.bands) if settings.plan.bands else None)
    with contextlib.ExitStack() as stack:
        address = settings.uplink.collector
        if kit:
            addresses = stack.enter_context(kit_collector(state_folder(settings) / "collector", http))
            address = addresses["ingest"]
            settings = with_collectors(settings, [address, *collectors])
            click.echo(f"Mở trang / open the page: {addresses['web']}", err=True)
        sinks: list[Sink] = []
        desk = _desk(stack, settings, folder)
        uplink = None
        if address is not None:
            spool = Path(settings.uplink.spool) if settings.uplink.spool else folder / "spool.db"
            side = desk.sender if desk is not None else None
            link = open_uplinks(settings, address, folder=folder, say=say, spool=spool, collector="kit" if kit else "", side=side)
            uplink = SpooledUplink(link)
            sinks.append(uplink)
        show = sys.stdout.isatty() and not as_json
        view = _view(stack) if show else None
        if view is not None:
            sinks.append(view)
        elif as_json or address is None:
            sinks.append(JsonSink())
        if settings.health.metrics is not None:
            sinks.append(_metrics(stack, settings.health.metrics, link.first if address is not None else None))
        agent = Agent(settings, plan, sinks=sinks, say=_quiet if show else say, uplink=uplink, desk=desk)
        if view is not None and desk is not None:
            stack.enter_context(_keys(view, desk))
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: agent.stop())
        try:
            agent.run(sweeps=sweeps)
        finally:
            if uplink is not None and (problem := uplink.close()) is not None:
                say(problem)
    click.echo("đã dừng / stopped", err=True)


@contextlib.contextmanager
def kit_collector(folder: Path, http: str) -> Iterator[Mapping[str, str]]:
    """Run a collector while inside, its data in ``folder``; give the addresses of its parts."""
    arguments = ["--data", str(folder), "serve", "--json", "--ingest", "tcp://127.0.0.1:*", "--http", http]
    process = subprocess.Popen([*_collector(), *arguments], stdout=subprocess.PIPE, text=True, start_new_session=True)
    try:
        found: dict[str, str] = {}
        while not {"ingest", "web"} <= found.keys():
            line = process.stdout.readline() if process.stdout is not None else ""
            if not line:
                raise StationError("the collector did not start: what it said is above")
            told = json.loads(line)
            found[told["name"]] = told["address"]
        yield found
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def _collector() -> list[str]:
    """Return how the collector is called: its program beside ours or on the path, else its module in this environment."""
    import importlib.util
    import shutil

    if importlib.util.find_spec("collector") is not None:
        return [sys.executable, "-m", "collector.cli"]
    if (found := shutil.which("canhsong-collector")) is not None:
        return [found]
    raise StationError("no collector on this machine: pip install 'canhsong[collector]'")


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


def _keys(view: LiveView, desk: TaskDesk) -> Keyboard:
    """Return the keyboard of the live view: it chooses a transmitter, and has what is heard there kept."""
    from station.key_presses import CAPTURE, HELP, Keyboard, step_of

    def pressed(key: str) -> None:
        if step := step_of(key):
            view.move(step)
        elif key == CAPTURE and (chosen := view.chosen()) is not None:
            where = f"{chosen.center_freq_hz / 1e6:.4f} MHz"
            desk.press(chosen.center_freq_hz, f"the inspector's key: {where}, track {chosen.track_id}, {chosen.snr_db:.0f} dB")
            view.say(f"sẽ ghi / will be kept: {where}")

    view.help = HELP
    return Keyboard(sys.stdin.fileno(), pressed)


def _view(stack: contextlib.ExitStack) -> Any:
    from rich.console import Console
    from rich.live import Live

    from station.live_view import LiveView

    console = Console()
    view = LiveView(width=max(20, console.width - 20))
    live = stack.enter_context(Live(get_renderable=view.render, console=console, refresh_per_second=4, screen=True))
    stack.callback(live.refresh)
    return view


def _quiet(_: str) -> None:
    """Say nothing: the view shows what health says."""
