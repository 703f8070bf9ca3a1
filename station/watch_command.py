"""``canhsong-station watch FREQ``: for walking up to a transmitter."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Final

import click

from config.settings import StationSettings
from config.wire import Position
from station.errors import MisuseError, ReceiverError
from station.scan_command import live_settings, receiver_options, say
from station.watch import OFFSET_HZ, Reading, Trail, Watcher, tone

READING_S: Final = 0.1
BAR: Final = 60


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
    """Theo dõi một tần số / Watch FREQ (MHz, or Hz when above a million) while walking up to its transmitter."""
    settings = live_settings(ctx.obj, flags)
    freq_hz = parse_freq_hz(freq)
    stop: list[bool] = []
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stop.append(True))
    with contextlib.ExitStack() as stack:
        speaker = stack.enter_context(_speaker()) if sound else None
        kept = stack.enter_context(contextlib.closing(Trail(trail))) if trail is not None else None
        where = _position(settings, stack)
        for count, one in enumerate(readings(settings, freq_hz, width_khz * 1e3, where, lambda: bool(stop)), start=1):
            _show(one, as_json=as_json)
            if kept is not None:
                kept.add(one)
            if speaker is not None:
                speaker(one.level_dbfs)
            if seconds is not None and count >= seconds / READING_S:
                break
    if not as_json and sys.stdout.isatty():
        click.echo()


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


def readings(
    settings: StationSettings, freq_hz: float, width_hz: float, where: Callable[[], Position | None], stopped: Callable[[], bool]
) -> Iterator[Reading]:
    """Yield levels at ``freq_hz``, ten a second; a receiver that fails is opened again."""
    from station.calibration import CalibrationFile
    from station.live_clock import LiveClock
    from station.receiver_process import Order, ReceiverProcess
    from station.state_folder import state_folder

    n_samples = round(READING_S * settings.receiver.sample_rate_hz)
    clock = LiveClock()
    receiver = ReceiverProcess(settings.receiver, slot_samples=2 * n_samples + round(0.5 * settings.receiver.sample_rate_hz), n_slots=3)
    try:
        state = receiver.start()
        watcher = Watcher(freq_hz=freq_hz, width_hz=width_hz, sample_rate_hz=state.sample_rate_hz)
        known = CalibrationFile(state_folder(settings)).load(state.serial or settings.receiver.address)
        ppm = settings.receiver.ppm if settings.receiver.ppm is not None else known.ppm if known else 0.0
        head = round(state.settle_s * state.sample_rate_hz)
        fresh = True
        while not stopped():
            while receiver.can_order:
                n = n_samples + head if fresh else n_samples
                receiver.order(Order(tag=fresh, center_freq_hz=freq_hz - OFFSET_HZ, n_samples=n, ppm=ppm, retune=fresh))
                fresh = False
            try:
                dwell = receiver.next()
            except ReceiverError as error:
                say(str(error))
                receiver.restart()
                fresh = True
                continue
            samples = dwell.samples[2 * head :] if dwell.order.tag else dwell.samples
            one = watcher.reading(
                samples, center_freq_hz=dwell.center_freq_hz, time_ns=clock.time_ns(dwell.end_monotonic_ns), position=where()
            )
            del samples
            receiver.release(dwell)
            yield one
    finally:
        receiver.close()


def _position(settings: StationSettings, stack: contextlib.ExitStack) -> Callable[[], Position | None]:
    station = settings.station
    if settings.health.gpsd is not None:
        from station.gpsd import GpsdReader

        return stack.enter_context(contextlib.closing(GpsdReader(settings.health.gpsd))).position
    if station.lat_deg is not None and station.lon_deg is not None:
        fixed = Position(lat_deg=station.lat_deg, lon_deg=station.lon_deg, accuracy_m=station.accuracy_m)
        return lambda: fixed
    return lambda: None


def _show(one: Reading, *, as_json: bool) -> None:
    if as_json:
        figures = {"time_ns": one.time_ns, "freq_hz": one.freq_hz, "level_dbfs": round(one.level_dbfs, 2)}
        figures |= {"peak_dbfs": round(one.peak_dbfs, 2), "floor_dbfs": round(one.floor_dbfs, 2), "clipped": one.clipped}
        click.echo(json.dumps(figures))
        sys.stdout.flush()
        return
    part = min(1.0, max(0.0, (one.level_dbfs - one.floor_dbfs) / 60.0))
    bar = "█" * round(part * BAR)
    mark = " QUÁ TẢI / OVERLOAD" if one.clipped else ""
    line = f"{one.freq_hz / 1e6:.4f} MHz {one.level_dbfs:7.1f} dBFS  đỉnh / peak {one.peak_dbfs:7.1f}  {bar:<{BAR}}{mark}"
    click.echo(f"\r{line}" if sys.stdout.isatty() else line, nl=not sys.stdout.isatty())


@contextlib.contextmanager
def _speaker() -> Iterator[Callable[[float], None]]:
    """Give a function that sounds a level.

    Raises:
        MisuseError: there is no ``aplay``.
    """
    program = shutil.which("aplay")
    if program is None:
        raise MisuseError("--sound: aplay is missing: apt-get install alsa-utils")
    player = subprocess.Popen([program, "-q", "-t", "raw", "-f", "U8", "-r", "8000"], stdin=subprocess.PIPE)
    assert player.stdin is not None
    pipe = player.stdin

    def sound(level_dbfs: float) -> None:
        with contextlib.suppress(BrokenPipeError):
            pipe.write(tone(level_dbfs, duration_s=READING_S))
            pipe.flush()

    try:
        yield sound
    finally:
        with contextlib.suppress(BrokenPipeError):
            pipe.close()
        player.wait(5)
