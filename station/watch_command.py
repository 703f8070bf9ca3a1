"""``canhsong-station watch FREQ``: for walking up to a transmitter."""

from __future__ import annotations

import contextlib
import json
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import click

from station.errors import MisuseError
from station.scan_command import live_settings, receiver_options, say

if TYPE_CHECKING:
    from station.watch import Reading

BAR_DB: Final = 60.0
LINE: Final = 60
"""Columns of the line without its bar."""


@click.command()
@click.argument("freq", metavar="FREQ")
@click.option(
    "--width", "width_khz", type=click.FloatRange(0.1, 2000.0), default=25.0, show_default=True, metavar="KHZ", help="Bề rộng / Width."
)
@click.option("--trail", type=click.Path(path_type=Path), metavar="FILE", help="Ghi vết .gpx hoặc .csv / Write level and position.")
@click.option("--sound", is_flag=True, help="Âm thanh theo mức / A tone that rises with the level.")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.option("--for", "seconds", type=click.FloatRange(0.1), metavar="S", help="Kết thúc sau / End after so many seconds.")
@receiver_options
@click.pass_context
def watch(
    ctx: click.Context,
    /,
    freq: str,
    width_khz: float,
    trail: Path | None,
    sound: bool,
    as_json: bool,
    seconds: float | None,
    **flags: Any,
) -> None:
    """Theo dõi một tần số / Watch FREQ (MHz, or Hz when above a million) while walking up to its transmitter; Enter: peak anew."""
    settings = live_settings(ctx.obj, flags)
    freq_hz = parse_freq_hz(freq)
    from station.watch import Trail
    from station.watch_reception import READING_S, Watched, WatchReception

    stop: list[bool] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    watched = Watched(freq_hz=freq_hz, width_hz=width_khz * 1e3, stopped=lambda: bool(stop), reset=_enter_pressed)
    with contextlib.ExitStack() as stack:
        speaker = stack.enter_context(_speaker(READING_S)) if sound else None
        kept = stack.enter_context(contextlib.closing(Trail(trail))) if trail is not None else None
        reception = stack.enter_context(contextlib.closing(WatchReception(settings, watched, say)))
        for count, one in enumerate(reception.readings(), start=1):
            _show(one, as_json=as_json)
            if kept is not None:
                kept.add(one)
            if speaker is not None:
                speaker(one.level_dbfs)
            if seconds is not None and count >= seconds / READING_S:
                break
    if not as_json and sys.stdout.isatty():
        click.echo()
    if kept is not None:
        say(kept.told())


def parse_freq_hz(text: str) -> float:
    """Return the frequency in Hz.

    Raises:
        MisuseError: it is none.
    """
    try:
        value = float(text.lower().removesuffix("mhz").removesuffix("m"))
    except ValueError as error:
        raise MisuseError(f"FREQ {text!r}: give it in MHz like 947.2, or in Hz") from error
    if not 0 < value < 1e11:
        raise MisuseError(f"FREQ {text!r}: give it in MHz like 947.2, or in Hz")
    return value if value >= 1e6 else value * 1e6


def _show(one: Reading, *, as_json: bool) -> None:
    if as_json:
        figures = {"time_ns": one.time_ns, "freq_hz": one.freq_hz, "level_dbfs": round(one.level_dbfs, 2)}
        figures |= {"peak_dbfs": round(one.peak_dbfs, 2), "floor_dbfs": round(one.floor_dbfs, 2), "clipped": one.clipped}
        if one.dbm_minus_dbfs is not None and one.dbm_sigma_db is not None:
            figures |= {"level_dbm": round(one.level_dbfs + one.dbm_minus_dbfs, 2), "dbm_sigma_db": round(one.dbm_sigma_db, 2)}
        click.echo(json.dumps(figures))
        sys.stdout.flush()
        return
    on_terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size().columns if on_terminal else LINE + 60
    line = level_line(one, columns=columns - 1)
    click.echo(f"\r{line}" if on_terminal else line, nl=not on_terminal)


def level_line(one: Reading, *, columns: int) -> str:
    """Return a reading as one line of exactly ``columns`` characters (where that is enough for the figures), its bar as long as fits."""
    add, unit = (0.0, "dBFS") if one.dbm_minus_dbfs is None else (one.dbm_minus_dbfs, "dBm")
    mark = " QUÁ TẢI / OVERLOAD" if one.clipped else ""
    figures = f"{one.freq_hz / 1e6:.4f} MHz {one.level_dbfs + add:7.1f} {unit}  đỉnh / peak {one.peak_dbfs + add:.1f} "
    room = max(0, columns - len(figures) - len(mark))
    part = min(1.0, max(0.0, (one.level_dbfs - one.floor_dbfs) / BAR_DB))
    return f"{figures}{'█' * round(part * room):<{room}}{mark}"


def _enter_pressed() -> bool:
    """Return whether somebody pressed Enter at the terminal since the last time."""
    if not sys.stdin.isatty():
        return False
    pressed = False
    while select.select([sys.stdin], [], [], 0.0)[0]:
        pressed = True
        if not sys.stdin.readline():
            break
    return pressed


@contextlib.contextmanager
def _speaker(reading_s: float) -> Iterator[Callable[[float], None]]:
    """Give a function that sounds a level.

    Raises:
        MisuseError: there is no ``aplay``.
    """
    from station.watch import tone

    program = shutil.which("aplay")
    if program is None:
        raise MisuseError("--sound: aplay is missing: apt-get install alsa-utils")
    player = subprocess.Popen([program, "-q", "-t", "raw", "-f", "U8", "-r", "8000"], stdin=subprocess.PIPE)
    assert player.stdin is not None
    pipe = player.stdin

    def sound(level_dbfs: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            pipe.write(tone(level_dbfs, duration_s=reading_s))
            pipe.flush()

    try:
        yield sound
    finally:
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
        player.wait(5)
