"""``canhsong-station replay``: flags in, the chain put together, exit code out."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import click

from config.settings import StationSettings
from dsp.units import SampleFormat
from station.errors import MisuseError
from station.output import JsonSink, Sink, TableSink, UplinkSink
from station.raw_recording import FORMATS
from station.recording import GivenFacts, parse_time_ns
from station.replay import Replay
from station.settings_source import load_station_settings

_SETTINGS: Final = {
    "station_name": ("station.name", "--station"),
    "collector": ("uplink.collector", "--collector"),
    "spool": ("uplink.spool", "--spool"),
    "state_folder": ("health.state_folder", "--state"),
    "n_fft": ("analysis.n_fft", "--n-fft"),
    "overlap": ("analysis.overlap", "--overlap"),
    "pfa": ("analysis.pfa", "--pfa"),
    "row_step": ("analysis.row_step_s", "--row-step"),
    "merge_gap": ("analysis.merge_gap_s", "--merge-gap"),
}
"""Parameter -> (setting, flag)."""


@click.command()
@click.argument("paths", nargs=-1, required=True, metavar="PATH...", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Mỗi dòng một đối tượng JSON / One JSON object a line.")
@click.option("--collector", metavar="ADDRESS", help="Gửi về trung tâm / Publish to a collector, e.g. tcp://127.0.0.1:5570.")
@click.option("--spool", metavar="FILE", help="Hàng đợi trên đĩa / Keep records on the disk until the collector has them.")
@click.option("--state", "state_folder", metavar="FOLDER", help="Thư mục trạng thái / Where this station's key is.")
@click.option("--realtime", is_flag=True, help="Theo thời gian thực / No faster than it was recorded.")
@click.option("--station", "station_name", metavar="NAME", help="Tên trạm / The station's name.")
@click.option("--start-time", metavar="ISO", help="Thời điểm của mẫu đầu tiên (UTC) / Time of the first sample, UTC.")
@click.option("--sample-rate-hz", type=float, metavar="HZ", help="Tốc độ lấy mẫu / Complex samples per second.")
@click.option("--center-freq-hz", type=float, metavar="HZ", help="Tần số trung tâm / Tuned centre; 0: not known.")
@click.option("--format", "sample_format", type=click.Choice(FORMATS), help="Định dạng mẫu / Sample format.")
@click.option("--n-fft", type=int, metavar="N", help="Độ dài FFT / Transform length, a power of two.")
@click.option("--overlap", type=float, metavar="PART", help="Độ chồng / Overlap of segments, 0 or 0.5.")
@click.option("--pfa", type=float, metavar="P", help="Xác suất báo động giả mỗi lượt / False emissions per dwell, a probability.")
@click.option("--row-step", type=float, metavar="S", help="Bước thời gian của phổ đồ / Time step of the spectrogram rows.")
@click.option("--merge-gap", type=float, metavar="S", help="Gộp các đợt cách nhau ít hơn / Bursts closer than this are one.")
@click.pass_context
def replay(ctx: click.Context, /, paths: tuple[Path, ...], as_json: bool, realtime: bool, **flags: Any) -> None:
    """Phân tích bản ghi IQ / Analyse recordings: SigMF, WAV IQ, raw cu8, ci8, ci16_le, cf32_le."""
    if as_json and flags["collector"] is not None:
        raise MisuseError("--json prints records, --collector sends them: give one of both")
    given = given_facts(**{name: flags.pop(name) for name in ("start_time", "sample_rate_hz", "center_freq_hz", "sample_format")})
    settings = load_station_settings(ctx.obj, {_SETTINGS[name][0]: (_SETTINGS[name][1], value) for name, value in flags.items()}).settings
    from config.band_plan import load_band_plan

    if settings.uplink.collector is not None and not as_json:
        from station.collector_link import with_enrolment
        from station.state_folder import state_folder

        settings = with_enrolment(settings, state_folder(settings), name_given=flags["station_name"] is not None)
    plan = load_band_plan(Path(settings.plan.bands) if settings.plan.bands else None)
    sink = _sink(settings, as_json=as_json)
    job = Replay(settings=settings, plan=plan, sink=sink, say=_say, given=given, realtime=realtime)
    with _progress(visible=sys.stderr.isatty() and not (as_json and sys.stdout.isatty())) as progress:
        code = max(job.path(path, progress) for path in paths)
    if (problem := sink.close()) is not None:
        _say(problem)
        code = max(code, 1)
    ctx.exit(code)


def given_facts(
    *, start_time: str | None, sample_rate_hz: float | None, center_freq_hz: float | None, sample_format: SampleFormat | None
) -> GivenFacts:
    """Return what the flags say of the recordings.

    Raises:
        MisuseError: a flag cannot be meant.
    """
    start_ns = None
    if start_time is not None:
        try:
            start_ns = parse_time_ns(start_time)
        except ValueError as error:
            raise MisuseError(f"--start-time: {start_time!r} is no date and time: write it like 2026-11-24T10:00:00Z") from error
    return GivenFacts(sample_rate_hz=sample_rate_hz, center_freq_hz=center_freq_hz, sample_format=sample_format, start_time_ns=start_ns)


def _sink(settings: StationSettings, *, as_json: bool) -> Sink:
    if settings.uplink.collector is not None and not as_json:
        from station.collector_link import open_uplink
        from station.state_folder import state_folder

        spool = Path(settings.uplink.spool) if settings.uplink.spool else None
        uplink = open_uplink(settings, settings.uplink.collector, folder=state_folder(settings), say=_say, spool=spool)
        return UplinkSink(uplink, drain_timeout_s=settings.uplink.drain_timeout_s, say=_say)
    return JsonSink() if as_json else TableSink()


def _say(text: str) -> None:
    click.echo(f"canhsong-station: {text}", err=True)


@contextmanager
def _progress(*, visible: bool) -> Iterator[Any]:
    """Give a function that opens one bar a recording on stderr; one that does nothing where there is no terminal."""
    if not visible:
        yield lambda name, total: lambda done: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

    with Progress(
        TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(), console=Console(stderr=True), transient=True
    ) as bars:

        def open_bar(name: str, total: int) -> Any:
            task = bars.add_task(name, total=total)
            return lambda done: bars.advance(task, done)

        yield open_bar
