"""``canhsong-station demo``: a made-up minute of radio through a real station into a real collector, on its page and in the terminal."""

from __future__ import annotations

import contextlib
import json
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import urllib.error
import urllib.request
from datetime import datetime
from importlib import resources
from pathlib import Path
from typing import Any, Final

import click

from station.children import collector_addresses, module, running
from station.errors import StationError

PAGE_PORT: Final = 8070
REFRESH_S: Final = 1.0


@click.command()
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Giữ dữ liệu ở / Keep the collector's data in."
)
@click.option(
    "--duration", "duration_s", type=click.FloatRange(4.0, 3600.0), default=60.0, show_default=True, metavar="S", help="Độ dài / Length."
)
@click.option("--once", is_flag=True, help="Kết thúc khi hết / End when the minute is over, instead of keeping the page up until Ctrl-C.")
@click.option("--feed", metavar="ADDRESS", hidden=True, help="Be the demo's station: send to this collector, then end.")
def demo(*, data: Path | None, duration_s: float, once: bool, feed: str | None) -> None:
    """Chạy thử không cần máy thu / Try it all without a radio: a synthetic minute, a station, a collector and its page."""
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    if feed is not None:
        sys.exit(_be_station(feed, duration_s, stopped))
    with contextlib.ExitStack() as stack:
        folder = data or Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="canhsong-demo-")))
        _give_registry(folder)
        collector = stack.enter_context(running([*module("collector.cli"), "--data", str(folder), *_serve_arguments()]))
        addresses = collector_addresses(collector, stopped.is_set)
        if stopped.is_set():
            return
        page = f"{addresses['web']}?origin=synthetic"
        feeding = ["demo", "--feed", addresses["ingest"], "--duration", str(duration_s)]
        station = stack.enter_context(running([*module("station.cli"), *feeding]))
        click.echo(f"Mở trang / open the page: {page}\nCtrl-C để dừng / to stop.")
        sys.stdout.flush()
        code = _watch(addresses["web"], station, stopped, once=once)
    click.echo("đã dừng / stopped", err=True)
    sys.exit(code)


def _be_station(collector: str, duration_s: float, stopped: threading.Event) -> int:
    from station.demo import feed

    problem = feed(collector, duration_s=duration_s, stopped=stopped)
    if problem is not None and not stopped.is_set():
        raise StationError(problem)
    return 0


def _give_registry(folder: Path) -> None:
    """Import the demo's made-up licences into ``folder``, where it has none: without any, nothing can be said of licences."""
    if (folder / "registry").exists():
        return
    licences = Path(str(resources.files("config"))) / "data" / "registry_demo"
    command = [*module("collector.cli"), "--data", str(folder), "registry", "import", str(licences)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise StationError(done.stderr.strip() or "the demo's registry could not be imported")


def _serve_arguments() -> list[str]:
    """Return how the collector is to serve: the page at its usual port if that is free, else at any."""
    with socket.socket() as trial:
        trial.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            trial.bind(("127.0.0.1", PAGE_PORT))
            port = PAGE_PORT
        except OSError:
            port = 0
    return ["serve", "--json", "--ingest", "tcp://127.0.0.1:*", "--http", f"127.0.0.1:{port}"]


def _watch(page: str, station: subprocess.Popen[str], stopped: threading.Event, *, once: bool) -> int:
    """Show the timeline until Ctrl-C or, where ``once``, until the station is done; return the exit code."""
    from rich.console import Console
    from rich.live import Live

    console = Console() if sys.stdout.isatty() else Console(width=120)
    ended = False
    with Live(console=console, auto_refresh=False, transient=not console.is_terminal) as live:
        while not stopped.wait(REFRESH_S):
            if console.is_terminal:
                live.update(_table(_tracks(page)), refresh=True)
            if station.poll() is not None and not ended:
                ended = True
                if station.returncode:
                    return station.returncode
                if not console.is_terminal:
                    stopped.wait(REFRESH_S)  # the store's follower is a moment behind
                    live.stop()
                    console.print(_table(_tracks(page)))
            if ended and once:
                return 0
    return 0


def _tracks(page: str) -> list[dict[str, Any]]:
    try:
        with urllib.request.urlopen(f"{page}api/tracks?origin=synthetic&limit=100", timeout=5.0) as answer:
            rows: list[dict[str, Any]] = json.loads(answer.read())
    except (urllib.error.URLError, TimeoutError, ValueError):
        return []  # the page is being started again; the next look will do
    return sorted(rows, key=lambda row: (row["band"] or "", row["center_freq_hz"], row["first_time_ns"]))


def _table(rows: list[dict[str, Any]]) -> Any:
    from rich.table import Table
    from rich.text import Text

    table = Table(title="Dòng thời gian (tổng hợp) / timeline (synthetic)", box=None, pad_edge=False, title_justify="left")
    for column in ("Băng / band", "MHz", "kHz", "SNR dB", "Từ / first", "Dài / length", "", "Tên / name"):
        table.add_column(column)
    for row in rows:
        table.add_row(
            row["band"] or "—",
            f"{row['center_freq_hz'] / 1e6:.4f}",
            f"{row['bandwidth_hz'] / 1e3:.1f}",
            f"{row['snr_db']:.1f}",
            datetime.fromtimestamp(row["first_time_ns"] / 1e9).astimezone().strftime("%H:%M:%S"),
            f"{(row['watched_until_ns'] - row['first_time_ns']) / 1e9:.1f} s",
            "đang phát / on" if row["state"] == "open" else "đã tắt / off",
            Text(row["label"] or ""),
        )
    return table
