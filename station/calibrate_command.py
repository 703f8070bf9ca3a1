"""``canhsong-station calibrate``: make the table that turns dBFS into dBm, from a known carrier or a 50 ohm load; show what there is."""

from __future__ import annotations

import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import click
import msgspec
import numpy as np
import numpy.typing as npt

from config.settings import StationSettings
from station.errors import MisuseError
from station.level_measurement import KnownLoad, KnownSource, curve_problem, load_point, source_point
from station.level_table import FILE_NAME, LevelPoint, LevelTable, Receiver, load_tables, save_table
from station.scan_command import live_settings, receiver_options, say
from station.state_folder import state_folder
from station.watch import OFFSET_HZ

LOOK_S: Final = 1.0
GRID_HZ: Final = 2.5e6
BEYOND_HZ: Final = 2.5e6
"""A band's last hop looks this far beyond it."""
Take = Callable[[float, float], npt.NDArray[np.uint8]]
"""Called with the tuned centre and the seconds that are wanted; returns unsigned bytes, shape (2n,)."""


def table_options(command: Any) -> Any:
    """Add the flags that say where a table goes, and for how long it holds."""
    for option in reversed(
        (
            click.option("--days", type=click.IntRange(1, 3650), default=365, show_default=True, help="Hiệu lực / Days that it holds."),
            click.option("--note", default="", metavar="TEXT", help="Ghi chú / What it was made with: generator, attenuator, cable."),
            click.option("--out", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Tệp / Instead of levels.toml."),
            click.option("--json", "as_json", is_flag=True, help="Một đối tượng JSON / The table as JSON."),
        )
    ):
        command = option(command)
    return command


@click.group()
def calibrate() -> None:
    """Hiệu chuẩn mức dBm / Calibrate levels: from dBFS to dBm at the antenna socket (docs/how-to/calibrate.md)."""


@calibrate.command()
@click.argument("freqs", metavar="FREQ FREQ...", nargs=-1, required=True)
@click.option("--level", "level_dbm", type=click.FloatRange(-150.0, 0.0), required=True, metavar="DBM", help="Mức máy phát / Its level.")
@click.option("--loss", "loss_db", type=click.FloatRange(0.0, 150.0), default=0.0, metavar="DB", help="Suy hao / Attenuator and cable.")
@click.option(
    "--sigma", "sigma_db", type=click.FloatRange(0.05, 10.0), default=1.0, show_default=True, metavar="DB", help="Sai số / Of both."
)
@table_options
@receiver_options
@click.pass_context
def source(ctx: click.Context, /, freqs: tuple[str, ...], level_dbm: float, loss_db: float, sigma_db: float, **flags: Any) -> None:
    """Bằng máy phát tín hiệu / From a generator's carrier at two or more FREQ (MHz); waits for Enter before each, on a terminal."""
    from station.watch_command import parse_freq_hz

    at_hz = sorted({parse_freq_hz(freq) for freq in freqs})
    if len(at_hz) < 2:
        raise MisuseError("give two frequencies or more: between them levels are interpolated, beyond them they stay dBFS")
    known = KnownSource(level_dbm=level_dbm - loss_db, sigma_db=sigma_db)

    def point(take: Take, freq_hz: float, rate_hz: float) -> LevelPoint:
        _wait(f"{freq_hz / 1e6:g} MHz, {level_dbm:g} dBm")
        return source_point(take(freq_hz - OFFSET_HZ, LOOK_S), freq_hz=freq_hz, sample_rate_hz=rate_hz, known=known)

    _make(ctx, flags, method="source", point=point, freqs_hz=lambda _: at_hz)


@calibrate.command()
@click.option("--band", "bands", multiple=True, metavar="NAME", help="Băng tần / Band or range in MHz; may be repeated.")
@click.option(
    "--noise-figure", "figure_db", type=click.FloatRange(0.0, 30.0), required=True, metavar="DB", help="Hệ số tạp âm / Of the dongle."
)
@click.option(
    "--sigma", "sigma_db", type=click.FloatRange(0.5, 10.0), default=3.0, show_default=True, metavar="DB", help="Sai số / Its error."
)
@click.option(
    "--temperature", "load_c", type=click.FloatRange(-50.0, 90.0), default=20.0, show_default=True, metavar="C", help="Của tải / Load's."
)
@table_options
@receiver_options
@click.pass_context
def load(ctx: click.Context, /, bands: tuple[str, ...], figure_db: float, sigma_db: float, load_c: float, **flags: Any) -> None:
    """Bằng tải 50 ohm / From the noise of a 50 ohm load on the socket, kTB and the dongle's noise figure. Rough: see --sigma."""
    known = KnownLoad(noise_figure_db=figure_db, sigma_db=sigma_db, temperature_c=load_c)

    def point(take: Take, freq_hz: float, rate_hz: float) -> LevelPoint:
        return load_point(take(freq_hz, LOOK_S), freq_hz=freq_hz, sample_rate_hz=rate_hz, known=known)

    _wait("tải 50 ohm / a 50 ohm load on the antenna socket")
    _make(ctx, flags, method="load", point=point, freqs_hz=_grid, bands=bands)


@calibrate.command()
@click.option("--file", type=click.Path(path_type=Path, dir_okay=False), metavar="FILE", help="Tệp / Instead of levels.toml.")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.option("--state", "state_folder_name", metavar="FOLDER", help="Thư mục trạng thái / Where it is kept.")
@click.pass_context
def show(ctx: click.Context, /, *, file: Path | None, as_json: bool, state_folder_name: str | None) -> None:
    """Xem bảng / Show which receivers are calibrated, at which gains and frequencies, until when."""
    settings = live_settings(ctx.find_root().obj, {"state_folder": state_folder_name})
    path = file or _place(settings, None)
    today = datetime.now(UTC).date()
    for one in load_tables(path) if path.exists() else ():
        if as_json:
            click.echo(json.dumps(msgspec.to_builtins(one) | {"holds": one.holds_on(today)}, ensure_ascii=False))
        else:
            click.echo("\n".join(_lines(one, today)))
    if not path.exists():
        say(f"{path}: chưa có / not there: levels are dBFS until `canhsong-station calibrate source` or `calibrate load` makes it")


def _make(
    ctx: click.Context,
    flags: dict[str, Any],
    *,
    method: Any,
    point: Callable[[Take, float, float], LevelPoint],
    freqs_hz: Callable[[StationSettings], Sequence[float]],
    bands: tuple[str, ...] = (),
) -> None:
    days, note, out, as_json = (flags.pop(name) for name in ("days", "note", "out", "as_json"))
    settings = live_settings(ctx.find_root().obj, flags, bands)
    freqs = freqs_hz(settings)
    path = _place(settings, out)
    if path.exists():
        load_tables(path)  # a file that cannot be read is told before anybody turns a knob
    with _receiver(settings) as (take, who, rate_hz):
        points = []
        for freq_hz in freqs:
            points.append(point(take, freq_hz, rate_hz))
            say(f"{freq_hz / 1e6:g} MHz: dBm = dBFS {points[-1].dbm_minus_dbfs:+.2f} ± {points[-1].sigma_db:.2f} dB")
    today = datetime.now(UTC).date()
    table = LevelTable(
        serial=who.serial, gain_db=round(who.gain_db, 2), made=today, expires=today + timedelta(days=days), method=method,
        lower_mhz=points[0].freq_mhz, upper_mhz=points[-1].freq_mhz, points=tuple(points), note=note,
    )  # fmt: skip
    try:
        save_table(path, table)
    except OSError as error:
        raise MisuseError(f"{path}: cannot be written: {error.strerror}: give another place with --out") from error
    if problem := curve_problem(points):
        say(f"! {problem}")
    click.echo(json.dumps(msgspec.to_builtins(table), ensure_ascii=False) if as_json else "\n".join(_lines(table, today)))
    say(f"đã ghi / written: {path}")


@contextlib.contextmanager
def _receiver(settings: StationSettings) -> Iterator[tuple[Take, Receiver, float]]:
    """Give a way to take samples, whose they are, and their rate."""
    from station.receiver_process import Order, ReceiverProcess

    rate = settings.receiver.sample_rate_hz
    receiver = ReceiverProcess(settings.receiver, slot_samples=round((LOOK_S + 0.5) * rate), n_slots=1)
    try:
        state = receiver.start()
        head = round(state.settle_s * state.sample_rate_hz)

        def take(center_freq_hz: float, seconds: float) -> npt.NDArray[np.uint8]:
            n_samples = head + round(seconds * state.sample_rate_hz)
            receiver.order(Order(tag=None, center_freq_hz=center_freq_hz, n_samples=n_samples, ppm=settings.receiver.ppm or 0.0))
            dwell = receiver.next()
            samples = dwell.samples[2 * head :].copy()
            receiver.release(dwell)
            return samples

        yield take, Receiver(serial=state.serial or settings.receiver.address, gain_db=state.gain_db), state.sample_rate_hz
    finally:
        receiver.close()


def _grid(settings: StationSettings) -> list[float]:
    """Return where the load is listened to: over every band that is set, and a little beyond."""
    from config.band_plan import load_band_plan
    from station.bands import wanted_ranges

    ranges = wanted_ranges(settings, load_band_plan(Path(settings.plan.bands) if settings.plan.bands else None))
    if len(ranges) != 1:
        raise MisuseError("calibrate load: one band at a time: --band B8 (what lies between two bands would be guessed)")
    low, high = ranges[0].lower_hz - BEYOND_HZ, ranges[0].upper_hz + BEYOND_HZ
    count = max(2, round((high - low) / GRID_HZ) + 1)
    return [round(low + k * (high - low) / (count - 1)) * 1.0 for k in range(count)]


def _place(settings: StationSettings, out: Path | None) -> Path:
    named = settings.receiver.level_table
    return out or (Path(named) if named is not None else state_folder(settings) / FILE_NAME)


def _lines(table: LevelTable, today: date) -> Iterator[str]:
    if table.holds_on(today):
        state = f"còn hiệu lực đến / holds until {table.expires}"
    else:
        state = f"HẾT HIỆU LỰC / EXPIRED {table.expires}" if table.expires < today else f"chưa đến / begins {table.made}"
    span = f"{table.lower_mhz:g}-{table.upper_mhz:g} MHz"
    yield f"{table.serial}  {table.gain_db:g} dB  {span}  ({table.method}, {table.made})  {state}"
    yield from (f"  {one.freq_mhz:10.4f} MHz  dBm = dBFS {one.dbm_minus_dbfs:+7.2f}  ± {one.sigma_db:.2f} dB" for one in table.points)
    if table.note:
        yield f"  {table.note}"


def _wait(what: str) -> None:
    if sys.stdin.isatty():
        click.echo(f"Nối / connect: {what}; rồi nhấn Enter / then press Enter ", nl=False, err=True)
        sys.stdin.readline()
