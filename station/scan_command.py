"""``canhsong-station scan``: sweep the bands once, or until Ctrl-C, and say what is there."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

import click

from config.settings import StationSettings
from station.output import JsonSink, Sink, TableSink
from station.settings_source import load_station_settings

RECEIVER_SETTINGS: Final = {
    "station_name": ("station.name", "--station"),
    "device": ("receiver.address", "--device"),
    "gain": ("receiver.gain_db", "--gain"),
    "ppm": ("receiver.ppm", "--ppm"),
    "rate": ("receiver.sample_rate_hz", "--sample-rate-hz"),
    "bias_tee": ("receiver.bias_tee", "--bias-tee"),
    "dwell": ("sweep.dwell_s", "--dwell"),
    "state_folder": ("health.state_folder", "--state"),
}


def receiver_options(command: Any) -> Any:
    """Add the flags that every live command has."""
    for option in reversed(
        (
            click.option("--device", metavar="ADDRESS", help="Máy thu / rtlsdr, rtlsdr:SERIAL, rtlsdr:INDEX or rtltcp://HOST:PORT."),
            click.option("--gain", type=float, metavar="DB", help="Độ lợi / Tuner gain, the nearest of its table."),
            click.option("--ppm", type=float, metavar="PPM", help="Sai số thạch anh / The crystal's error, > 0: fast; else measured."),
            click.option("--sample-rate-hz", "rate", type=float, metavar="HZ", help="Tốc độ lấy mẫu / Complex samples per second."),
            click.option("--bias-tee", is_flag=True, default=None, help="Cấp nguồn qua cáp / Supply an antenna amplifier."),
            click.option("--state", "state_folder", metavar="FOLDER", help="Thư mục trạng thái / Where calibration and spool are kept."),
            click.option("--station", "station_name", metavar="NAME", help="Tên trạm / The station's name."),
        )
    ):
        command = option(command)
    return command


def live_settings(file: Path | None, flags: dict[str, Any], bands: tuple[str, ...] = ()) -> StationSettings:
    """Return the settings with the flags of a live command."""
    named = {RECEIVER_SETTINGS[name][0]: (RECEIVER_SETTINGS[name][1], value) for name, value in flags.items()}
    if bands:
        named["sweep.bands"] = ("--band", list(bands))
    return load_station_settings(file, named).settings


def say(text: str) -> None:
    """Talk, on stderr."""
    click.echo(f"canhsong-station: {text}", err=True)


@click.command()
@click.option(
    "--band", "bands", multiple=True, metavar="NAME", help="Băng tần / Band (B8, B8-UL) or range in MHz (925-960); may be repeated."
)
@click.option("--once", is_flag=True, help="Một lượt quét / One sweep, then end.")
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.option("--csv", "csv_file", type=click.Path(path_type=Path), metavar="FILE", help="Ghi kiểu rtl_power / Write rtl_power CSV.")
@click.option("--dwell", type=float, metavar="S", help="Thời gian mỗi bước / Seconds of samples at each hop.")
@receiver_options
@click.pass_context
def scan(ctx: click.Context, /, bands: tuple[str, ...], once: bool, as_json: bool, csv_file: Path | None, **flags: Any) -> None:
    """Quét băng tần / Sweep bands: what transmits where, and which cells it is."""
    settings = live_settings(ctx.obj, flags, bands)
    from config.band_plan import load_band_plan
    from station.live import LiveStation

    plan = load_band_plan(Path(settings.plan.bands) if settings.plan.bands else None)
    sink: Sink = JsonSink() if as_json else TableSink()
    station = LiveStation(settings, plan, say=say)
    try:
        station.open()
        for line in station.plan_lines():
            click.echo(line, err=True)
        csv = None
        if csv_file is not None:
            from station.rtl_power_csv import CsvFile

            csv = CsvFile(csv_file)
            station.on_sweep = csv.add
        try:
            while True:
                for records in station.sweep_once():
                    sink.put(records)
                if once:
                    break
                if not as_json:
                    sink.end_of_source()
        except KeyboardInterrupt:
            pass
        sink.put(station.finish())
        sink.end_of_source()
        for line in station.closing_lines():
            click.echo(line, err=True)
    finally:
        station.close()
    ctx.exit(1 if station.faults else 0)
