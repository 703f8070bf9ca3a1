"""``canhsong-station capture FREQ``: keep raw samples of one frequency as a SigMF pair."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import msgspec

from config.settings import StationSettings
from config.wire import CaptureAnnouncement
from station.errors import StationError
from station.scan_command import live_settings, receiver_options, say

if TYPE_CHECKING:
    from station.live import LiveStation


@click.command()
@click.argument("freq", metavar="FREQ")
@click.option("--for", "seconds", type=click.FloatRange(0.05, 30.0), default=2.0, metavar="S", help="Thời lượng / Seconds, 2 unless given.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), metavar="FOLDER", help="Thư mục / Folder that gets the pair.")
@click.option("--reason", default="asked for by hand", show_default=True, help="Lý do / Why.")
@click.option("--json", "as_json", is_flag=True, help="Một đối tượng JSON / The announcement as JSON.")
@receiver_options
@click.pass_context
def capture(ctx: click.Context, /, freq: str, seconds: float, out: Path | None, reason: str, as_json: bool, **flags: Any) -> None:
    """Ghi mẫu IQ / Keep raw IQ around FREQ (MHz, or Hz when above a million), mode 0600."""
    settings = live_settings(ctx.obj, flags)
    from config.wire import to_json
    from station.state_folder import state_folder
    from station.watch_command import parse_freq_hz

    folder = out or (Path(settings.capture.folder) if settings.capture.folder else state_folder(settings) / "captures")
    written = keep(settings, parse_freq_hz(freq), seconds, folder, reason)
    click.echo(to_json(written) if as_json else str(folder / f"{written.capture_id}.sigmf-meta"))


def keep(settings: StationSettings, freq_hz: float, seconds: float, folder: Path, reason: str) -> CaptureAnnouncement:
    """Return the announcement of a pair in ``folder`` that holds ``seconds`` of what is heard around ``freq_hz``, in one stretch.

    Raises:
        StationError: the receiver fails, or there is no room.
    """
    from config.band_plan import load_band_plan
    from station.live import LiveStation

    settings = _one_hop(settings, freq_hz, seconds)
    plan = load_band_plan(Path(settings.plan.bands) if settings.plan.bands else None)
    station = LiveStation(settings, plan, say=say, n_slots=1)
    try:
        station.open()
        written = _written(station, freq_hz, seconds, folder, reason)
    finally:
        station.close()
    if not written:
        raise StationError(f"{freq_hz / 1e6:g} MHz: nothing was kept: try again")
    return written[0]


def _one_hop(settings: StationSettings, freq_hz: float, seconds: float) -> StationSettings:
    """Return ``settings`` for one dwell of the whole length, in the middle of a band of one hop."""
    dwell_s = max(seconds, settings.sweep.dwell_s)
    band = f"{freq_hz / 1e6 - 0.2:.6f}-{freq_hz / 1e6 + 0.2:.6f}"
    return msgspec.structs.replace(settings, sweep=msgspec.structs.replace(settings.sweep, bands=(band,), gsm_dwell_s=dwell_s))


def _written(station: LiveStation, freq_hz: float, seconds: float, folder: Path, reason: str) -> list[CaptureAnnouncement]:
    """Dwell once with the opened ``station`` and write the pair; return its announcement, in a list."""
    from station.capture import CaptureFacts, CaptureRing, CaptureWriter
    from station.receiver_process import Order
    from station.watch import OFFSET_HZ

    state = station.state
    rate, head = state.sample_rate_hz, round(state.settle_s * state.sample_rate_hz)
    n = round(seconds * rate)
    ring = CaptureRing(folder, sample_rate_hz=rate, ring_s=seconds + 0.5)
    writer = CaptureWriter(station.settings.capture, folder, ring, sample_rate_hz=rate)
    ppm = station.sweeper.ppm
    station.receiver.order(Order(tag=None, center_freq_hz=freq_hz - OFFSET_HZ, n_samples=n + head, ppm=ppm))
    dwell = station.receiver.next()
    start_ns = station.clock.time_ns(dwell.end_monotonic_ns) - round(n / rate * 1e9)
    if dwell.lost_samples:
        say(f"{dwell.lost_samples} samples were lost: use another USB port, or a lower sample rate")
    ring.add(dwell.samples[2 * head :], center_freq_hz=dwell.center_freq_hz, start_ns=start_ns, settled_samples=0)
    station.receiver.release(dwell)
    writer.trigger(freq_hz, onset_ns=start_ns, reason=reason)
    facts = CaptureFacts(
        header=station.header(),
        gain_db=state.gain_db,
        receiver=f"{state.name} {state.serial} {state.tuner.name}",
        calibration=station.calibration,
        levels=station.levels,
    )
    return writer.due(start_ns, facts, all_of_them=True)
